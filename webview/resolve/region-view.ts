import { html, nothing, type TemplateResult } from 'lit';
import type { Actions } from './actions.ts';
import { codeView, plainCode } from './code-view.ts';
import { linesFor, type Choice } from './draft.ts';
import type { FileViewParts } from './file-view.ts';
import { drafted } from './page-state.ts';
import type { Region } from './regions.ts';
import { colorOf, titled, whoseTip } from './sides.ts';
import type { Stage } from './stages.ts';
import { wordsOf, type Word } from './words.ts';

/** Unchanged lines that are shown around a change. */
const CONTEXT = 3;
/** Changes on each side of the cursor that are drawn in full; a file may have thousands. */
const NEAR = 15;
/** Those beyond, in a line each, up to so many. */
const FAR = 60;
/** Lines of one version that are drawn at first. */
const MAX_LINES = 300;

export interface RegionsParts extends FileViewParts {
  readonly stage: Stage;
  /** Our version is what we had before; in later stages it is what was decided so far. */
  readonly first: boolean;
}

/** All regions of a stage around the cursor; what is further away is counted. */
export function regionsView(parts: RegionsParts): TemplateResult {
  const { regions } = parts.stage;
  const stops = regions.flatMap(({ kind }, index) => (kind === 'same' ? [] : [index]));
  const at = Math.max(
    0,
    stops.findIndex((index) => regions[index]?.key === parts.state.cursor),
  );
  const [from, to] = [Math.max(0, at - FAR), Math.min(stops.length, at + FAR + 1)];
  const first = from === 0 ? 0 : (stops[from] ?? 0);
  const last = to === stops.length ? regions.length : (stops[to] ?? regions.length);
  const near = new Set(stops.slice(Math.max(0, at - NEAR), at + NEAR + 1));
  return html`${countView(from, 'above')}
  ${regions.slice(first, last).map((region, offset) => {
    const index = first + offset;
    if (region.kind !== 'same') return regionView(region, parts, near.has(index));
    // Between changes that are one line each, their context is not drawn either.
    const isNear = near.has(index - 1) || near.has(index + 1);
    return isNear ? sameView(region, parts, index === 0, index === regions.length - 1) : nothing;
  })}
  ${countView(stops.length - to, 'below')}`;
}

const countView = (count: number, where: string): TemplateResult | typeof nothing =>
  count === 0 ? nothing : html`<p class="quiet later">${count.toLocaleString('en')} more changes ${where}</p>`;

function sameView(
  { key, mine, at }: Region,
  { state, actions }: RegionsParts,
  first: boolean,
  last: boolean,
): TemplateResult {
  // A line that says that one line is hidden hides nothing.
  if (state.unfolded.has(key) || mine.length <= 2 * CONTEXT + 2)
    return html`<div class="same">${plainCode(mine.join(''), at.mine)}</div>`;
  const head = first ? [] : mine.slice(0, CONTEXT);
  const tail = last ? [] : mine.slice(Math.max(head.length, mine.length - CONTEXT));
  const hidden = mine.length - head.length - tail.length;
  return html`<div class="same">
    ${plainCode(head.join(''), at.mine)}
    ${
      hidden > 0
        ? html`<button class="fold" @click=${() => actions.unfold(key)}>
            ${hidden.toLocaleString('en')} unchanged ${hidden === 1 ? 'line' : 'lines'}
          </button>`
        : nothing
    }
    ${plainCode(tail.join(''), at.mine + mine.length - tail.length)}
  </div>`;
}

const TITLES: Record<Region['kind'], (who: string) => string> = {
  same: () => '',
  mine: () => 'You changed this',
  theirs: (who) => `${titled(who)} changed this`,
  agreed: (who) => `You and ${who} changed this alike`,
  conflict: (who) => `You and ${who} changed this differently`,
};

function regionView(region: Region, parts: RegionsParts, near: boolean): TemplateResult {
  const { state, detail, file, stage, actions } = parts;
  const who = whoseTip(detail, stage.theirs);
  const choice = drafted(state, file.path).choices[region.key];
  const open = linesFor(region, choice) === undefined;
  const here = state.cursor === region.key;
  const status = open ? 'open' : choice === undefined ? 'by itself' : labelOf(choice, who, parts.first);
  const title = TITLES[region.kind](who);
  return html`<article
    class="region ${region.kind} ${open ? 'open' : 'decided'} ${here ? 'here' : ''}"
    data-key=${region.key}
    tabindex=${here ? '0' : '-1'}
    aria-label="${title}, line ${region.at.mine}, ${status}"
    aria-current=${here ? 'true' : 'false'}
    @focus=${() => actions.go(region.key)}
    @click=${() => actions.go(region.key)}
  >
    <h3>
      ${title} <span class="quiet">line ${region.at.mine.toLocaleString('en')}</span>
      <span class="status">${status}</span>
    </h3>
    ${near ? html`${sidesView(region, parts, who)} ${decisionView(region, choice, who, parts)}` : nothing}
  </article>`;
}

function sidesView(region: Region, parts: RegionsParts, who: string): TemplateResult {
  const { detail, stage, state, first, actions } = parts;
  const long = [region.base, region.mine, region.theirs].some(({ length }) => length > MAX_LINES);
  const cut = long && !state.unfolded.has(region.key);
  const words = cut ? firstLines(region) : wordsOf(region);
  const version = (
    title: string,
    color: string,
    each: readonly Word[],
    at: number,
    kind: 'added' | 'removed',
  ): TemplateResult =>
    html`<figure class=${color}>
      <figcaption>${title}</figcaption>
      ${each.length === 0 ? html`<p class="quiet none">no lines</p>` : codeView(each, at, kind)}
    </figure>`;
  return html`<div class="sides">
      ${version(first ? 'Mine' : 'So far', 'side-mine', words.mine, region.at.mine, 'added')}
      ${version('Before', 'side-base', words.base, region.at.base, 'removed')}
      ${version(titled(who), colorOf(detail, stage.theirs), words.theirs, region.at.theirs, 'added')}
    </div>
    ${cut ? html`<button class="fold" @click=${() => actions.unfold(region.key)}>Show all lines of this change</button>` : nothing}`;
}

function firstLines(region: Region): { mine: Word[]; base: Word[]; theirs: Word[] } {
  const head = (lines: readonly string[]): Word[] =>
    lines.length === 0 ? [] : [{ text: lines.slice(0, MAX_LINES).join(''), changed: false }];
  return { mine: head(region.mine), base: head(region.base), theirs: head(region.theirs) };
}

const PICKS: readonly {
  readonly pick: Exclude<Choice['pick'], 'edit'>;
  readonly key: string;
  readonly label: (who: string, first: boolean) => string;
}[] = [
  { pick: 'mine', key: '1', label: (_, first) => (first ? 'Mine' : 'So far') },
  { pick: 'theirs', key: '2', label: (who) => `${titled(who)}’s` },
  { pick: 'mine-theirs', key: '3', label: (_, first) => (first ? 'Both, mine first' : 'Both, so far first') },
  { pick: 'theirs-mine', key: '4', label: () => 'Both, theirs first' },
  { pick: 'base', key: '5', label: () => 'Neither' },
];

/** The choice that a key stands for. */
export const pickOf = (key: string): Choice | undefined => {
  const found = PICKS.find((each) => each.key === key);
  return found && { pick: found.pick };
};

const labelOf = (choice: Choice, who: string, first: boolean): string =>
  PICKS.find(({ pick }) => pick === choice.pick)?.label(who, first) ?? 'Edited';

function decisionView(region: Region, choice: Choice | undefined, who: string, parts: RegionsParts): TemplateResult {
  const { actions, first } = parts;
  return html`<div class="choices" role="group" aria-label="What to take">
      ${PICKS.map(
        ({ pick, key, label }) =>
          html`<button
            aria-pressed=${choice?.pick === pick ? 'true' : 'false'}
            aria-keyshortcuts=${key}
            @click=${() => actions.choose(region.key, { pick })}
          >
            ${label(who, first)} <kbd>${key}</kbd>
          </button>`,
      )}
      <button
        aria-pressed=${choice?.pick === 'edit' ? 'true' : 'false'}
        aria-keyshortcuts="E"
        @click=${() => actions.edit(region.key)}
      >
        Edit… <kbd>E</kbd>
      </button>
      ${
        choice === undefined
          ? nothing
          : html`<button class="tool" @click=${() => actions.choose(region.key, undefined)}>Take Back</button>`
      }
    </div>
    ${choice?.pick === 'edit' ? editorView(region, choice.text, actions) : nothing}`;
}

const editorView = (region: Region, text: string, actions: Actions): TemplateResult =>
  html`<textarea
    class="edit"
    aria-label="These lines, by hand. Escape goes back."
    spellcheck="false"
    rows=${Math.min(20, text.split('\n').length + 1)}
    .value=${text}
    @input=${(event: Event) => actions.type(region.key, (event.target as HTMLTextAreaElement).value)}
  ></textarea>`;
