import { html, type TemplateResult } from 'lit';
import type { Actions } from './actions.ts';
import { resolutions } from './outcome.ts';
import type { PageState } from './page-state.ts';

/** Every key of the page, for those who work without a mouse: always in sight. */
const LEGEND: readonly (readonly [keys: readonly string[], what: string])[] = [
  [['J', 'K'], 'next, previous change'],
  [['N'], 'next open conflict'],
  [['⇧J', '⇧K'], 'next, previous file'],
  [['1', '2'], 'mine, theirs'],
  [['3', '4'], 'both'],
  [['5'], 'neither'],
  [['E'], 'edit'],
  [['Backspace'], 'take back'],
  [['Ctrl Z'], 'undo'],
  [['C'], 'compare'],
  [['M'], 'message'],
  [['Ctrl ↵'], 'finish'],
];

export function footerView(state: PageState, actions: Actions): TemplateResult {
  const ready = resolutions(state) !== undefined;
  return html`<footer>
    <div class="finishing">
      <vscode-textarea
        label="Message of the merge"
        aria-label="Message of the merge"
        rows="2"
        resize="vertical"
        .value=${state.message ?? state.proposedMessage}
        @input=${(event: InputEvent) => actions.write((event.target as HTMLTextAreaElement).value)}
      ></vscode-textarea>
      <div class="buttons">
        <vscode-button ?disabled=${!ready || state.busy} @click=${actions.finish} title="Ctrl+Enter">
          ${state.busy ? 'Finishing…' : 'Finish'}
        </vscode-button>
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
        <vscode-button secondary ?disabled=${state.busy} @click=${actions.cancel}>Cancel</vscode-button>
        <span class="quiet">${hintOf(state, ready)}</span>
      </div>
    </div>
    <ul class="legend" aria-label="Keys">
      ${LEGEND.map(([keys, what]) => html`<li>${keys.map((key) => html`<kbd>${key}</kbd>`)} ${what}</li>`)}
    </ul>
  </footer>`;
}

function hintOf({ offer }: PageState, ready: boolean): string {
  if (offer !== undefined) return 'The branch has moved: go on with it first.';
  return ready ? 'Your files change when you finish, not before.' : 'Decide every conflict to finish.';
}
