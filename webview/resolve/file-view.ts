import { html, nothing, type TemplateResult } from 'lit';
import type { ConflictDetail } from '../../extension/src/rpc/conflicts.ts';
import type { Actions } from './actions.ts';
import { drafted, loadedFile, type PageState } from './page-state.ts';
import { regionsView } from './region-view.ts';
import { resultView } from './result-view.ts';
import { possessive, titled, whoseTip } from './sides.ts';
import { isCut, isOpen, stagesOf, stopsOf, type ConflictPath, type LoadedFile, type Stages } from './stages.ts';
import { wholeView } from './whole-view.ts';

export interface FileViewParts {
  readonly state: PageState;
  readonly detail: ConflictDetail;
  readonly file: ConflictPath;
  readonly actions: Actions;
}

/** One conflicting file: its regions to decide one by one, or the file to decide as a whole. */
export function fileView(parts: FileViewParts): TemplateResult {
  const { state, file } = parts;
  const loaded = loadedFile(state, file.path);
  if (loaded === undefined) return html`${headView(parts, undefined)}${notHere(parts)}`;
  if (!isCut(loaded)) return html`${headView(parts, undefined)}${wholeView(parts, loaded)}`;
  const stages = stagesOf(loaded, drafted(state, file.path));
  return html`${headView(parts, stages)} ${cutView(parts, loaded, stages)}`;
}

function notHere({ state, file, actions }: FileViewParts): TemplateResult {
  const problem = state.unreadable.get(file.path);
  if (problem === undefined) return html`<p class="empty quiet" role="status">Reading the file…</p>`;
  return html`<div class="empty">
    <p role="alert">This file could not be read: ${problem}</p>
    <button @click=${() => actions.retry(file.path)}>Try Again</button>
  </div>`;
}

function headView({ state, detail, file, actions }: FileViewParts, stages: Stages | undefined): TemplateResult {
  const theirs = file.against[0] ?? '';
  const related = file.related.length === 0 ? '' : ` · see also ${file.related.join(', ')}`;
  return html`<div class="head">
    <h2 title=${file.path}>${file.path}</h2>
    <span class="quiet"
      >${file.kinds.join(', ')}${related}${stages === undefined ? '' : positionText(state, file, stages)}</span
    >
    <span class="buttons">
      ${
        stages === undefined
          ? nothing
          : html`<button class="tool" title="Previous change (K)" @click=${() => actions.move(-1)}>↑</button>
              <button class="tool" title="Next change (J)" @click=${() => actions.move(1)}>↓</button>
              ${wholeMenu({ state, detail, file, actions })}`
      }
      ${
        file.kinds.includes('submodule')
          ? nothing
          : html`<button class="tool" @click=${() => actions.compare(file.path, theirs)}>Compare</button>`
      }
    </span>
  </div>`;
}

function positionText(state: PageState, file: ConflictPath, stages: Stages): string {
  const conflicts = stopsOf(stages).filter(({ kind }) => kind === 'conflict');
  const at = conflicts.findIndex(({ key }) => key === state.cursor);
  const open = conflicts.filter((region) => isOpen(region, drafted(state, file.path))).length;
  const where = at < 0 ? `${conflicts.length}` : `${at + 1} of ${conflicts.length}`;
  return ` · conflict ${where}, ${open} open`;
}

/** Files that are cut can be taken whole as well. */
function wholeMenu({ state, detail, file, actions }: FileViewParts): TemplateResult {
  const { whole } = drafted(state, file.path);
  const sides = detail.sides.filter(({ mine, tip }) => mine || file.against.includes(tip));
  return html`<span class="segments" role="group" aria-label="Take the whole file">
    <span class="quiet">Whole file:</span>
    ${sides.map((side) => {
      const on = whole?.use === 'side' && whole.tip === side.tip;
      return html`<button
        class="tool"
        aria-pressed=${on ? 'true' : 'false'}
        @click=${() => actions.whole(on ? undefined : { use: 'side', tip: side.tip })}
      >
        ${titled(possessive(side))}
      </button>`;
    })}
  </span>`;
}

function cutView(parts: FileViewParts, loaded: LoadedFile, stages: Stages): TemplateResult {
  const { state, detail, file, actions } = parts;
  const { whole } = drafted(state, file.path);
  if (whole !== undefined) {
    const who = whole.use === 'side' ? whoseTip(detail, whole.tip) : '';
    const text =
      whole.use === 'delete' ? 'The file goes.' : `The whole file as ${who === 'you' ? 'you have' : `${who} has`} it.`;
    return html`<div class="empty">
      <p role="status">${text}</p>
      <button @click=${() => actions.whole(undefined)}>Decide Piece by Piece</button>
    </div>`;
  }
  return html`<div class="regions" tabindex="-1">
      ${stages.stages.map(
        (stage, index) => html`
          ${loaded.parts.length > 1 ? html`<h3 class="stage">${stageTitle(detail, stage.theirs, index, loaded)}</h3>` : nothing}
          ${regionsView({ ...parts, stage, first: index === 0 })}
        `,
      )}
      ${stages.later.map(
        (tip) =>
          html`<p class="quiet later">${titled(whoseTip(detail, tip))} comes when the conflicts above are decided.</p>`,
      )}
    </div>
    ${resultView(stages, drafted(state, file.path), state.cursor)}`;
}

const stageTitle = (detail: ConflictDetail, tip: string, index: number, { parts }: LoadedFile): string =>
  `${index + 1} of ${parts.length}: ${index === 0 ? 'yours' : 'what you have so far'} with ${whoseTip(detail, tip)}`;
