import type { PeerView, SessionView } from '../rpc/model.ts';
import { syncText } from '../shared/sync-text.ts';
import type { LinkLook, MeshPicture } from './mesh-messages.ts';
import { ROUTES, roundTrip } from './peer-row.ts';
import { plain } from './plain-text.ts';

const LOOKS: Record<PeerView['state'], LinkLook> = {
  connecting: 'away',
  online: 'online',
  reconnecting: 'reconnecting',
  offline: 'away',
};

/** What the session map shows of a session. */
export function meshPicture(session: SessionView): MeshPicture {
  return {
    title: plain(session.repoName),
    self: { name: plain(session.self.name), branch: plain(session.self.branch ?? '') },
    peers: session.peers.map((peer) => ({
      id: peer.fingerprint,
      name: plain(peer.name),
      look: LOOKS[peer.state],
      route: routeOf(peer),
      branch: [
        plain(peer.branch ?? '', 30),
        (peer.ahead ?? 0) > 0 && `↑${peer.ahead ?? 0}`,
        (peer.behind ?? 0) > 0 && `↓${peer.behind ?? 0}`,
      ]
        .filter(Boolean)
        .join(' '),
      sync: syncText(peer),
    })),
  };
}

function routeOf({ state, route, rttMs }: PeerView): string {
  if (state !== 'online' || route === undefined) return state;
  return rttMs === undefined ? ROUTES[route] : `${ROUTES[route]} · ${roundTrip(rttMs)}`;
}
