import { html, nothing, type TemplateResult } from 'lit';
import type { ConflictDetail, ConflictFileView, FileVersion } from '../../extension/src/rpc/conflicts.ts';
import { linesFor, resultText, type Choice, type FileDraft } from './draft.ts';
import type { Region } from './regions.ts';
import { stops, type LoadedFile } from './state.ts';
import { whoOf, type Actions } from './view.ts';
import { changedWords } from './words.ts';

export interface FileViewParts {
  readonly file: ConflictFileView;
  readonly detail: ConflictDetail;
  readonly loaded: LoadedFile | undefined;
  readonly drafted: FileDraft;
  readonly cursor: string | undefined;
  readonly actions: Actions;
}

/** Unchanged lines that are shown around a change. */
const CONTEXT = 3;
/** The live result is shown whole up to so many characters; past it around the region that is being decided. */
const MAX_RESULT = 200_000;

/** One conflicting file: its regions to decide one by one, or the file to decide as a whole. */
export function fileView(parts: FileViewParts): TemplateResult {
  const { file, loaded, detail, drafted, actions } = parts;
  const theirs = detail.sides.find(({ tip }) => tip === file.theirs);
  const who = theirs === undefined ? 'them' : whoOf(theirs);
  return html`
    <h2 title=${file.path}>${file.path}</h2>
    <p class="quiet">
      ${file.kinds.join(', ')}${file.related.length > 0 ? html` · see also ${file.related.join(', ')}` : nothing}
    </p>
    ${wholeButtons(parts, who)}
    ${
      loaded === undefined
        ? html`<p class="quiet" role="status">Reading the file…</p>`
        : drafted.whole !== undefined
          ? html`<p class="info">${wholeText(drafted.whole, who, detail)}</p>`
          : loaded.regions.length === 0
            ? cannotBeCut(loaded)
            : html`${regionsView(parts, who)}${resultView(loaded, drafted)}`
    }
    ${
      file.kinds.includes('submodule') || loaded?.regions.length === 0
        ? nothing
        : html`<p><button class="link" @click=${() => actions.compare(file)}>Compare in the editor</button></p>`
    }
  `;
}

function wholeButtons({ file, detail, drafted, actions }: FileViewParts, who: string): TemplateResult {
  const mine = detail.sides.find((side) => side.mine)?.tip ?? '';
  const pressed = (on: boolean): 'true' | 'false' => (on ? 'true' : 'false');
  const takes = (tip: string): boolean => drafted.whole?.use === 'side' && drafted.whole.tip === tip;
  return html`<div class="whole" role="group" aria-label="The whole file">
    <button aria-pressed=${pressed(takes(mine))} @click=${() => actions.whole({ use: 'side', tip: mine })}>Mine</button>
    <button
      aria-pressed=${pressed(takes(file.theirs))}
      @click=${() => actions.whole({ use: 'side', tip: file.theirs })}
    >
      Of ${who}
    </button>
    <button aria-pressed=${pressed(drafted.whole?.use === 'delete')} @click=${() => actions.whole({ use: 'delete' })}>
      Delete
    </button>
    ${
      drafted.whole === undefined
        ? nothing
        : html`<button @click=${() => actions.whole(undefined)}>Decide piece by piece</button>`
    }
  </div>`;
}

function wholeText(whole: NonNullable<FileDraft['whole']>, who: string, detail: ConflictDetail): string {
  if (whole.use === 'delete') return 'The file goes.';
  const mine = detail.sides.find(({ tip }) => tip === whole.tip)?.mine === true;
  return `The whole file as ${mine ? 'you have' : `${who} has`} it.`;
}

function cannotBeCut({ file }: LoadedFile): TemplateResult {
  const about = (name: string, version: FileVersion): TemplateResult =>
    html`<li>
      ${name}: ${version === null ? 'not there' : `${KINDS[version.kind]}, ${version.bytes.toLocaleString()} bytes`}
    </li>`;
  return html`<p>This file is decided as a whole.</p>
    <ul>
      ${about('Before', file.base)} ${about('Mine', file.mine)} ${about('Theirs', file.theirs)}
    </ul>`;
}

const KINDS = {
  text: 'text',
  binary: 'binary',
  'too-large': 'text too large to be shown',
  link: 'a symbolic link',
  submodule: 'a submodule',
};

function regionsView(parts: FileViewParts, who: string): TemplateResult[] {
  const { loaded } = parts;
  if (loaded === undefined) return [];
  return loaded.regions.map((region, index) => {
    if (region.kind === 'same') return sameView(region, index === 0, index === loaded.regions.length - 1);
    return regionView(region, parts, who);
  });
}

function sameView({ mine }: Region, first: boolean, last: boolean): TemplateResult {
  const head = first ? [] : mine.slice(0, CONTEXT);
  const tail = last ? [] : mine.slice(Math.max(head.length, mine.length - CONTEXT));
  const hidden = mine.length - head.length - tail.length;
  return html`${lines(head)}
  ${
    hidden > 0
      ? html`<details class="hidden">
          <summary>${hidden} unchanged ${hidden === 1 ? 'line' : 'lines'}</summary>
          ${lines(mine.slice(head.length, mine.length - tail.length).slice(0, 2_000))}
        </details>`
      : nothing
  }
  ${lines(tail)}`;
}

const lines = (some: readonly string[]): TemplateResult | typeof nothing =>
  some.length === 0 ? nothing : html`<pre class="same">${some.join('')}</pre>`;

const TITLES: Record<Exclude<Region['kind'], 'same'>, (who: string) => string> = {
  mine: () => 'You changed this',
  theirs: (who) => `${who} changed this`,
  agreed: (who) => `You and ${who} changed this alike`,
  conflict: (who) => `You and ${who} changed this differently`,
};

function regionView(region: Region, parts: FileViewParts, who: string): TemplateResult {
  const { drafted, cursor, actions } = parts;
  const kind = region.kind as Exclude<Region['kind'], 'same'>;
  const choice = drafted.choices[region.key];
  const open = linesFor(region, choice) === undefined;
  const here = cursor === region.key;
  const [base, mine, theirs] = [region.base, region.mine, region.theirs].map((part) => part.join('')) as [
    string,
    string,
    string,
  ];
  return html`<article
    class="region ${kind} ${open ? 'open' : 'decided'} ${here ? 'here' : ''}"
    data-key=${region.key}
    tabindex="0"
    aria-label="${TITLES[kind](who)}, line ${region.at.mine}, ${open ? 'open' : 'decided'}"
    @focus=${() => actions.go(region.key)}
  >
    <h3>${TITLES[kind](who)} <span class="quiet">line ${region.at.mine}</span></h3>
    <div class="sides">
      ${version('Mine', mine, base)} ${version('Before', base, undefined)} ${version(who, theirs, base)}
    </div>
    ${choices(region, choice, who, actions)} ${choice?.pick === 'edit' ? editor(region, choice, actions) : nothing}
  </article>`;
}

function version(title: string, text: string, base: string | undefined): TemplateResult {
  const words = base === undefined ? [{ text, changed: false }] : changedWords(base, text);
  return html`<figure>
    <figcaption>${title}</figcaption>
    ${
      text === ''
        ? html`<p class="quiet">no lines</p>`
        : html`<pre>${words.map((word) => (word.changed ? html`<mark>${word.text}</mark>` : word.text))}</pre>`
    }
  </figure>`;
}

const PICKS: readonly {
  readonly pick: Exclude<Choice['pick'], 'edit'>;
  readonly key: string;
  readonly label: (who: string) => string;
}[] = [
  { pick: 'mine', key: '1', label: () => 'Mine' },
  { pick: 'theirs', key: '2', label: (who) => `Of ${who}` },
  { pick: 'mine-theirs', key: '3', label: () => 'Both, mine first' },
  { pick: 'theirs-mine', key: '4', label: () => 'Both, theirs first' },
  { pick: 'base', key: '5', label: () => 'Neither' },
];

/** The choice that a key stands for. */
export const pickOf = (key: string): Choice | undefined => {
  const found = PICKS.find((each) => each.key === key);
  return found && { pick: found.pick };
};

function choices(region: Region, choice: Choice | undefined, who: string, actions: Actions): TemplateResult {
  const edited = (): Choice => ({
    pick: 'edit',
    text: (linesFor(region, choice) ?? [...region.mine, ...region.theirs]).join(''),
  });
  return html`<div class="choices" role="group" aria-label="What to take">
    ${PICKS.map(
      ({ pick, key, label }) =>
        html`<button
          title="Key ${key}"
          aria-pressed=${choice?.pick === pick ? 'true' : 'false'}
          @click=${() => actions.choose(region.key, { pick })}
        >
          ${label(who)}
        </button>`,
    )}
    <button
      title="Key E"
      aria-pressed=${choice?.pick === 'edit' ? 'true' : 'false'}
      @click=${() => actions.choose(region.key, edited())}
    >
      Edit…
    </button>
    ${choice === undefined ? nothing : html`<button @click=${() => actions.choose(region.key, undefined)}>Take back</button>`}
  </div>`;
}

function editor(region: Region, choice: Extract<Choice, { pick: 'edit' }>, actions: Actions): TemplateResult {
  return html`<textarea
    class="edit"
    aria-label="These lines, by hand"
    spellcheck="false"
    rows=${Math.min(20, choice.text.split('\n').length + 1)}
    .value=${choice.text}
    @change=${(event: Event) => actions.choose(region.key, { pick: 'edit', text: (event.target as HTMLTextAreaElement).value })}
  ></textarea>`;
}

function resultView(loaded: LoadedFile, drafted: FileDraft): TemplateResult {
  const text = resultText(loaded.regions, drafted);
  const open = stops(loaded).filter((region) => linesFor(region, drafted.choices[region.key]) === undefined).length;
  if (text === undefined) {
    return html`<p class="quiet">
      The result shows here when the ${open === 1 ? 'last conflict is' : `${open} conflicts are`} decided.
    </p>`;
  }
  return html`<details class="result">
    <summary>Result, ${text.length.toLocaleString()} characters</summary>
    <pre>${text.length > MAX_RESULT ? `${text.slice(0, MAX_RESULT)}\n…` : text}</pre>
  </details>`;
}
