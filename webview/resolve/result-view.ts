import { html, type TemplateResult } from 'lit';
import { codeView } from './code-view.ts';
import { linesFor, type FileDraft } from './draft.ts';
import type { Region } from './regions.ts';
import { isOpen, type Stages } from './stages.ts';

/** Lines that are drawn at once; of a longer file, those around the cursor. */
const MAX_LINES = 1_500;

interface Block {
  readonly region: Region;
  /** Number of its first line in the result. */
  readonly first: number;
  /** Undefined while it is open. */
  readonly lines: readonly string[] | undefined;
}

/** The file as it comes out, as far as it is decided; at each key it is drawn anew. */
export function resultView({ stages, later }: Stages, drafted: FileDraft, cursor: string | undefined): TemplateResult {
  const regions = stages.at(-1)?.regions ?? [];
  const blocks = blocksOf(regions, drafted);
  const open = regions.filter((region) => isOpen(region, drafted)).length;
  const total = blocks.reduce((sum, { lines }) => sum + (lines?.length ?? 1), 0);
  const at = blocks.find(({ region }) => region.key === cursor)?.first ?? 1;
  const from = total <= MAX_LINES ? 1 : Math.max(1, at - MAX_LINES / 3);
  const to = total <= MAX_LINES ? total : from + MAX_LINES;
  const state = open + later.length === 0 ? 'complete' : `${open + later.length} open`;
  return html`<details class="result" open>
    <summary>Result <span class="quiet">${total.toLocaleString('en')} lines, ${state}</span></summary>
    <div class="scroll" tabindex="0" role="region" aria-label="Result">
      ${from > 1 ? html`<p class="quiet">${(from - 1).toLocaleString('en')} lines above</p>` : ''}
      ${blocks
        .filter(({ first, lines }) => first <= to && first + (lines?.length ?? 1) > from)
        .map((block) => blockView(block, from, to, block.region.key === cursor))}
      ${to < total ? html`<p class="quiet">${(total - to).toLocaleString('en')} lines below</p>` : ''}
    </div>
  </details>`;
}

function blocksOf(regions: readonly Region[], { choices }: FileDraft): Block[] {
  let first = 1;
  return regions.map((region) => {
    const lines = linesFor(region, choices[region.key])?.flatMap(split);
    const block = { region, first, lines };
    first += lines?.length ?? 0;
    return block;
  });
}

/** A text that was written by hand is one piece. */
const split = (piece: string): readonly string[] =>
  piece.indexOf('\n') === piece.length - 1 || !piece.includes('\n') ? [piece] : piece.split(/(?<=\n)/);

function blockView({ region, first, lines }: Block, from: number, to: number, here: boolean): TemplateResult {
  const look = `block ${region.kind} ${here ? 'here' : ''}`;
  if (lines === undefined) return html`<div class="${look} open">not decided yet</div>`;
  const start = Math.max(0, from - first);
  const text = lines.slice(start, to - first + 1).join('');
  return html`<div class="${look} decided">
    ${text === '' ? '' : codeView([{ text, changed: false }], first + start)}
  </div>`;
}
