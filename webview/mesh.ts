import type { MeshPicture, MeshUpdate } from '../extension/src/views/mesh-messages.ts';
import { drawing } from './mesh-drawing.ts';
import { element } from './element.ts';

/**
 * The session map's page: a drawing for the eye and the same as a table for screen readers and long names. Keeps no state: every
 * message holds all there is to show (ED2).
 */
declare function acquireVsCodeApi(): { postMessage(message: unknown): void };

const map = document.getElementById('map');

function show(picture: MeshPicture | null): void {
  if (picture === null) {
    map?.replaceChildren(element('p', { class: 'empty' }, 'This session has ended.'));
    return;
  }
  const heading = element('h1', {}, picture.title);
  if (picture.peers.length === 0) {
    const empty = 'Nobody has joined yet. Send the invite to whoever should: run Peerweave: Copy Invite.';
    map?.replaceChildren(heading, element('p', { class: 'empty' }, empty));
    return;
  }
  map?.replaceChildren(heading, drawing(picture), table(picture));
}

function table({ self, peers }: MeshPicture): HTMLElement {
  const row = (cells: readonly string[], kind: 'td' | 'th' = 'td'): HTMLElement =>
    element('tr', {}, ...cells.map((cell) => element(kind, kind === 'th' ? { scope: 'col' } : {}, cell)));
  return element(
    'table',
    {},
    element('thead', {}, row(['Person', 'Branch', 'Route', 'State'], 'th')),
    element(
      'tbody',
      {},
      row([`${self.name} (you)`, self.branch, '', '']),
      ...peers.map(({ name, branch, route, sync }) => row([name, branch, route, sync])),
    ),
  );
}

window.addEventListener('message', ({ data }: MessageEvent<MeshUpdate>) => show(data.picture));
acquireVsCodeApi().postMessage({ type: 'ready' });
