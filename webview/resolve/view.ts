import { html, nothing, type TemplateResult } from 'lit';
import type { ConflictDetail, ConflictFileView, ConflictSide } from '../../extension/src/rpc/conflicts.ts';
import type { Choice, FileDraft } from './draft.ts';
import { fileDraft } from './draft.ts';
import { fileView } from './file-view.ts';
import { graphView } from './graph-view.ts';
import { conflictingFiles, fileState, resolutions, type PageState } from './state.ts';

/** What a person can do on the page. */
export interface Actions {
  readonly select: (path: string) => void;
  readonly go: (key: string) => void;
  readonly choose: (key: string, choice: Choice | undefined) => void;
  readonly whole: (whole: FileDraft['whole']) => void;
  readonly undo: () => void;
  readonly redo: () => void;
  readonly write: (message: string) => void;
  readonly finish: () => void;
  readonly cancel: () => void;
  readonly compare: (file: ConflictFileView) => void;
  readonly next: (by: 1 | -1) => void;
}

/** The whole page. Every text goes into a text node or an attribute's value, never into markup (ED5). */
export function page(state: PageState, actions: Actions): TemplateResult {
  if (state.settled !== undefined) return settledView(state.settled);
  const { detail } = state;
  if (detail === undefined)
    return html`<p class="quiet" role="status">${state.notice?.text ?? 'Reading what has diverged…'}</p>`;
  return html`
    <header>
      <h1>${detail.branch}</h1>
      <p class="quiet">${summary(detail)}</p>
      ${graphView(detail, Date.now())} ${othersView(detail)} ${noticeView(state)}
    </header>
    <div class="columns">
      <nav aria-label="Files">${fileList(state, actions)}</nav>
      <section aria-label="File" class="file">${selectedFile(state, actions)}</section>
    </div>
    ${footer(state, actions)}
  `;
}

const settledView = (message: string): TemplateResult =>
  html`<p class="settled" role="status">${message}</p>
    <p class="quiet">This page has nothing more to do and can be closed.</p>`;

/** Whose commits a side is: `you`, `bob`, `bob and carol`. */
export function whoOf({ mine, owners }: ConflictSide): string {
  const all = mine ? ['you', ...owners] : owners;
  return all.length > 1 ? `${all.slice(0, -1).join(', ')} and ${all.at(-1) ?? ''}` : (all[0] ?? 'somebody');
}

function summary(detail: ConflictDetail): string {
  const sides = detail.sides.map((side) => {
    const count = `${side.commits.length}${side.moreCommits ? '+' : ''}`;
    return `${whoOf(side)}: ${count} ${side.commits.length === 1 ? 'commit' : 'commits'}`;
  });
  const open = conflictingFiles(detail).length;
  const files =
    open === 0 ? 'All files merge by themselves.' : `${open} of ${detail.files.length} files need a decision.`;
  return `${sides.join(' · ')}. ${files}`;
}

function othersView({ resolving }: ConflictDetail): TemplateResult | typeof nothing {
  if (resolving.length === 0) return nothing;
  const names = resolving.map(({ name }) => name).join(', ');
  return html`<p class="warning" role="status">
    ${names} ${resolving.length === 1 ? 'is' : 'are'} resolving this too. Whoever finishes second can simply take the
    first result.
  </p>`;
}

function noticeView({ notice }: PageState): TemplateResult | typeof nothing {
  if (notice === undefined) return nothing;
  return html`<p
    class=${notice.kind === 'error' ? 'error' : 'info'}
    role=${notice.kind === 'error' ? 'alert' : 'status'}
  >
    ${notice.text}
  </p>`;
}

function fileList(state: PageState, actions: Actions): TemplateResult {
  const { detail } = state;
  if (detail === undefined) return html``;
  const conflicting = conflictingFiles(detail);
  const clean = detail.files.length - conflicting.length;
  return html`
    <ul>
      ${conflicting.map((file) => fileItem(state, file, actions))}
    </ul>
    ${
      clean === 0
        ? nothing
        : html`<details>
            <summary>${clean} ${clean === 1 ? 'file merges' : 'files merge'} by themselves</summary>
            <ul class="clean">
              ${detail.files.filter(({ kinds }) => kinds.length === 0).map(({ path }) => html`<li title=${path}>${path}</li>`)}
            </ul>
          </details>`
    }
    ${detail.moreFiles ? html`<p class="quiet">There are more files than can be listed.</p>` : nothing}
  `;
}

const WORDS = { loading: '…', open: 'open', decided: 'decided' };

function fileItem(state: PageState, file: ConflictFileView, actions: Actions): TemplateResult {
  const { state: how, open } = fileState(state, file.path);
  const name = file.path.slice(file.path.lastIndexOf('/') + 1);
  const folder = file.path.slice(0, file.path.length - name.length);
  const label = how === 'open' && open > 1 ? `${open} open` : WORDS[how];
  return html`<li>
    <button
      class="item ${how}"
      title=${file.path}
      aria-current=${state.selected === file.path ? 'true' : 'false'}
      @click=${() => actions.select(file.path)}
    >
      <span class="name">${name}</span><span class="folder">${folder}</span>
      <span class="state">${label}</span>
    </button>
  </li>`;
}

function selectedFile(state: PageState, actions: Actions): TemplateResult {
  const { detail, selected } = state;
  const file = detail && conflictingFiles(detail).find(({ path }) => path === selected);
  if (detail === undefined || file === undefined) {
    return html`<p class="quiet">Nothing is left to decide: look over the message and finish.</p>`;
  }
  return fileView({
    file,
    detail,
    loaded: state.files.get(file.path),
    drafted: fileDraft(state.history.present, file.path),
    cursor: state.cursor,
    actions,
  });
}

function footer(state: PageState, actions: Actions): TemplateResult {
  const ready = resolutions(state) !== undefined;
  return html`<footer>
    <vscode-textarea
      label="Message of the merge"
      aria-label="Message of the merge"
      rows="3"
      resize="vertical"
      .value=${state.message ?? state.proposedMessage}
      @input=${(event: InputEvent) => actions.write((event.target as HTMLTextAreaElement).value)}
    ></vscode-textarea>
    <div class="buttons">
      <vscode-button ?disabled=${!ready || state.busy} @click=${actions.finish} title="Ctrl+Enter"
        >Finish</vscode-button
      >
      <vscode-button secondary ?disabled=${state.busy} @click=${actions.cancel}>Cancel</vscode-button>
      <vscode-button secondary ?disabled=${state.history.past.length === 0} @click=${actions.undo} title="Ctrl+Z">
        Undo
      </vscode-button>
      <vscode-button
        secondary
        ?disabled=${state.history.future.length === 0}
        @click=${actions.redo}
        title="Ctrl+Shift+Z"
      >
        Redo
      </vscode-button>
      <span class="quiet"
        >${ready ? 'Your files change when you finish, not before.' : 'Decide every file to finish.'}</span
      >
    </div>
  </footer>`;
}
