import { html, nothing, type TemplateResult } from 'lit';
import type { Actions } from './actions.ts';
import { fileList } from './files-view.ts';
import { fileView } from './file-view.ts';
import { footerView } from './footer-view.ts';
import { commitList, graphView } from './graph-view.ts';
import { icon } from './icons.ts';
import { fileState, type PageState } from './page-state.ts';
import { whoOf } from './sides.ts';
import { conflictPaths } from './stages.ts';
import type { ConflictDetail } from '../../extension/src/rpc/conflicts.ts';

/** The whole page. Every text goes into a text node or an attribute's value, never into markup (ED5). */
export function page(state: PageState, actions: Actions): TemplateResult {
  const { detail, settled } = state;
  if (settled !== undefined) return settledView(settled, actions);
  if (detail === undefined) {
    return html`<p class="empty quiet" role="status">${state.notice?.text ?? 'Reading what has diverged…'}</p>`;
  }
  return html`<div class="page">
    <header>
      ${titleView(state, detail)} ${graphView(detail, Date.now())} ${commitList(detail, Date.now())}
      ${bannersView(state, detail, actions)}
    </header>
    <div class="columns">
      <nav aria-label="Files">${fileList(state, actions)}</nav>
      <section aria-label="File" class="file">${selectedFile(state, detail, actions)}</section>
    </div>
    ${footerView(state, actions)}
  </div>`;
}

const settledView = (message: string, actions: Actions): TemplateResult =>
  html`<div class="settled">
    <p role="status">${icon('done')} ${message}</p>
    <vscode-button @click=${actions.cancel}>Close</vscode-button>
  </div>`;

function titleView(state: PageState, detail: ConflictDetail): TemplateResult {
  const paths = conflictPaths(detail);
  const decided = paths.filter(({ path }) => fileState(state, path).state === 'decided').length;
  const text =
    paths.length === 0
      ? 'All files merge by themselves'
      : `${decided} of ${paths.length} ${plural(paths.length)} decided`;
  return html`<div class="title">
    <h1>${icon('merge')} Merge <span class="branch">${detail.branch}</span></h1>
    <span class="progress ${decided === paths.length ? 'done' : ''}" role="status">${text}</span>
  </div>`;
}

const plural = (count: number): string => (count === 1 ? 'file' : 'files');

function bannersView(state: PageState, { resolving }: ConflictDetail, actions: Actions): TemplateResult {
  const { notice, offer } = state;
  const names = resolving.map(({ name }) => name).join(', ');
  return html`
    ${offer === undefined ? nothing : offerView(offer.detail, actions)}
    ${
      resolving.length === 0
        ? nothing
        : html`<p class="banner warning" role="status">
            ${icon('warning')}<span>
              ${names} ${resolving.length === 1 ? 'is' : 'are'} resolving this too. Whoever finishes first settles it
              for everybody.
            </span>
          </p>`
    }
    ${
      notice === undefined
        ? nothing
        : html`<p class="banner ${notice.kind}" role=${notice.kind === 'error' ? 'alert' : 'status'}>
            ${icon(notice.kind)}<span>${notice.text}</span>
          </p>`
    }
  `;
}

/** A peer pushed while something was decided: going on with it is offered, not done. */
function offerView(detail: ConflictDetail, actions: Actions): TemplateResult {
  const who = detail.sides.filter(({ mine }) => !mine).map(whoOf);
  return html`<div class="banner offer" role="alert">
    ${icon('info')}<span>
      ${detail.branch} has moved: new commits of ${who.join(', ')} or yours. To finish, go on with how it is now. What
      you decided stays wherever the same lines still conflict.
    </span>
    <span class="buttons">
      <button class="primary" @click=${() => actions.takeOffer(true)}>Go On <kbd>R</kbd></button>
      <button @click=${() => actions.takeOffer(false)}>Start Over</button>
    </span>
  </div>`;
}

function selectedFile(state: PageState, detail: ConflictDetail, actions: Actions): TemplateResult {
  const file = conflictPaths(detail).find(({ path }) => path === state.selected);
  if (file !== undefined) return fileView({ state, detail, file, actions });
  return html`<p class="empty quiet">${icon('done')} Nothing is left to decide: look over the message and finish.</p>`;
}
