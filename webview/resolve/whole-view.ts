import { html, nothing, type TemplateResult } from 'lit';
import type { ConflictSide, FileVersion } from '../../extension/src/rpc/conflicts.ts';
import { codeView } from './code-view.ts';
import type { FileDraft } from './draft.ts';
import type { FileViewParts } from './file-view.ts';
import { drafted } from './page-state.ts';
import { regionsOf } from './regions.ts';
import { colorOf, titled, whoOf } from './sides.ts';
import type { LoadedFile } from './stages.ts';
import { wordsOf } from './words.ts';

/** One way to decide a file that cannot be decided piece by piece. */
export interface WholeOption {
  readonly whole: NonNullable<FileDraft['whole']>;
  readonly title: string;
  readonly about: string;
  readonly color: string;
  readonly version: FileVersion;
}

/** The ways in the order of their keys, `1` first: each side's version or its absence, and deleting where nobody has deleted it. */
export function wholeOptions({ detail }: Pick<FileViewParts, 'detail'>, loaded: LoadedFile): WholeOption[] {
  const versionOf = (side: ConflictSide): FileVersion | undefined =>
    side.mine ? loaded.parts[0]?.file.mine : loaded.parts.find(({ theirs }) => theirs === side.tip)?.file.theirs;
  const options = detail.sides.flatMap((side): WholeOption[] => {
    const version = versionOf(side);
    if (version === undefined) return [];
    const who = side.mine ? 'you' : whoOf(side);
    const title = version === null ? `Delete it, as ${who} did` : side.mine ? 'Keep mine' : `Take ${who}’s`;
    const whole = { use: 'side', tip: side.tip } as const;
    return [{ whole, title, about: aboutVersion(version), color: colorOf(detail, side.tip), version }];
  });
  if (options.every(({ version }) => version !== null)) {
    const gone = { whole: { use: 'delete' }, title: 'Delete it', about: 'The file goes.', color: 'side-base' } as const;
    options.push({ ...gone, version: null });
  }
  return options;
}

const KINDS = {
  text: 'Text',
  binary: 'Binary file',
  'too-large': 'Text, too large to be shown here',
  link: 'Symbolic link',
  submodule: 'Submodule',
};

function aboutVersion(version: FileVersion): string {
  if (version === null) return 'There is no such file on this side.';
  const size = version.kind === 'submodule' ? '' : `, ${version.bytes.toLocaleString('en')} bytes`;
  const target = version.kind === 'link' || version.kind === 'submodule' ? (version.text ?? '') : '';
  return `${KINDS[version.kind]}${size}${version.mode === '100755' ? ', executable' : ''}${target === '' ? '' : ` → ${target}`}`;
}

export function wholeView(parts: FileViewParts, loaded: LoadedFile): TemplateResult {
  const { state, file, actions } = parts;
  const { whole } = drafted(state, file.path);
  const base = loaded.parts[0]?.file.base ?? null;
  return html`<div class="regions">
    <p>
      This file is decided as a whole.
      <span class="quiet">Before: ${base === null ? 'not there' : aboutVersion(base)}</span>
    </p>
    <div class="options" role="group" aria-label="The whole file">
      ${wholeOptions(parts, loaded).map((option, index) => {
        const on = JSON.stringify(option.whole) === JSON.stringify(whole);
        return html`<button
          class="option ${option.color}"
          aria-pressed=${on ? 'true' : 'false'}
          aria-keyshortcuts=${index + 1}
          @click=${() => actions.whole(on ? undefined : option.whole)}
        >
          <strong>${option.title} <kbd>${index + 1}</kbd></strong>
          <span>${option.about}</span>
        </button>`;
      })}
    </div>
    ${wholeOptions(parts, loaded).map(({ version, color, title }) => changesView(base, version, color, titled(title)))}
  </div>`;
}

/** Changes that are drawn of a version; a file that is decided as a whole is looked over, not worked through. */
const MAX_CHANGES = 20;

/** What a side that has the file did to it, when it was deleted on another. */
function changesView(
  base: FileVersion,
  version: FileVersion,
  color: string,
  title: string,
): TemplateResult | typeof nothing {
  if (base?.kind !== 'text' || version?.kind !== 'text') return nothing;
  const changed = regionsOf(base.text ?? '', version.text ?? '', base.text ?? '').filter(({ kind }) => kind !== 'same');
  return html`${changed.slice(0, MAX_CHANGES).map((region) => {
    const { base: before, mine } = wordsOf(region);
    return html`<div class="region mine">
      <div class="sides two">
        <figure class="side-base">
          <figcaption>Before</figcaption>
          ${before.length === 0 ? html`<p class="quiet none">no lines</p>` : codeView(before, region.at.base, 'removed')}
        </figure>
        <figure class=${color}>
          <figcaption>${title}</figcaption>
          ${mine.length === 0 ? html`<p class="quiet none">no lines</p>` : codeView(mine, region.at.mine)}
        </figure>
      </div>
    </div>`;
  })}
  ${changed.length > MAX_CHANGES ? html`<p class="quiet">and ${changed.length - MAX_CHANGES} more changes</p>` : nothing}`;
}
