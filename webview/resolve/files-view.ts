import { html, nothing, type TemplateResult } from 'lit';
import type { Actions } from './actions.ts';
import { icon } from './icons.ts';
import { fileState, type FileState, type PageState } from './page-state.ts';
import { conflictPaths, type ConflictPath } from './stages.ts';

/** Files that merge by themselves are many, and nobody has to look at them. */
const MAX_CLEAN = 500;

/** The files that need a decision, with how far each is, and those that do not. */
export function fileList(state: PageState, actions: Actions): TemplateResult {
  const { detail } = state;
  if (detail === undefined) return html``;
  const conflicting = conflictPaths(detail);
  const clean = detail.files.filter(({ kinds }) => kinds.length === 0).map(({ path }) => path);
  return html`
    <h2>Conflicts <span class="badge">${conflicting.length}</span></h2>
    <ul>
      ${conflicting.map((file) => fileItem(state, file, actions))}
    </ul>
    ${
      clean.length === 0
        ? nothing
        : html`<details>
            <summary>
              ${clean.length} ${clean.length === 1 ? 'file merges by itself' : 'files merge by themselves'}
            </summary>
            <ul class="clean">
              ${clean.slice(0, MAX_CLEAN).map((path) => html`<li title=${path}>${path}</li>`)}
              ${clean.length > MAX_CLEAN ? html`<li>and ${clean.length - MAX_CLEAN} more</li>` : nothing}
            </ul>
          </details>`
    }
    ${detail.moreFiles ? html`<p class="quiet">There are more files than can be listed.</p>` : nothing}
  `;
}

const ICONS = { loading: 'open', unreadable: 'error', open: 'open', decided: 'done' } as const;
const WORDS: Record<FileState, (open: number) => string> = {
  loading: () => 'reading',
  unreadable: () => 'could not be read',
  open: (open) => `${open} open`,
  decided: () => 'decided',
};

function fileItem(state: PageState, { path, kinds }: ConflictPath, actions: Actions): TemplateResult {
  const { state: how, open } = fileState(state, path);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const folder = path.slice(0, Math.max(0, path.length - name.length - 1));
  const words = WORDS[how](open);
  return html`<li>
    <button
      class="item ${how}"
      title="${path} · ${kinds.join(', ')} · ${words}"
      aria-label="${path}, ${kinds.join(', ')}, ${words}"
      aria-current=${state.selected === path ? 'true' : 'false'}
      @click=${() => actions.select(path)}
    >
      ${icon(ICONS[how])}<span class="name">${name}</span><span class="folder">${folder}</span>
      ${how === 'open' ? html`<span class="state" aria-hidden="true">${open}</span>` : nothing}
    </button>
  </li>`;
}
