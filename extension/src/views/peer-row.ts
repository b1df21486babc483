import type { PeerView, SessionView, Transfer } from '../rpc/model.ts';
import { divergedText, syncText } from '../shared/sync-text.ts';
import { plain } from './plain-text.ts';
import type { Row } from './row.ts';
import { bytes, count, percent } from './units.ts';

/** Prints a moment, Unix milliseconds, for people. */
export type Clock = (unixMs: number) => string;

type Route = NonNullable<PeerView['route']>;

/** How a route is named to people, in a word where there is little room. */
export const ROUTES: Record<Route, string> = {
  tcp: 'direct',
  webrtc: 'hole-punched',
  'webrtc-turn': 'TURN',
  relay: 'relay',
  json: 'relay as text',
  memory: 'in memory',
};

const ROUTES_IN_FULL: Record<Route, string> = {
  tcp: 'direct connection',
  webrtc: 'direct, hole-punched through routers',
  'webrtc-turn': 'through a TURN server',
  relay: 'through the signaling server',
  json: 'through the signaling server, as text',
  memory: 'in memory',
};

const ROLES: Record<PeerView['role'], string> = { owner: 'owner', write: 'can write', read: 'read-only' };

const ICONS: Record<PeerView['state'], { icon: string; color?: string }> = {
  connecting: { icon: 'loading~spin' },
  online: { icon: 'circle-filled', color: 'charts.green' },
  reconnecting: { icon: 'sync~spin', color: 'charts.yellow' },
  offline: { icon: 'circle-outline', color: 'disabledForeground' },
};

export function selfRow({ repo, self, role }: SessionView): Row {
  const name = plain(self.name);
  const branch = self.branch === undefined ? undefined : plain(self.branch);
  return {
    id: `${repo}#self`,
    label: name,
    description: ['you', branch].filter(Boolean).join(' · '),
    tooltip: lines([
      `${name} (you)`,
      `Role: ${ROLES[role]}`,
      branch && `Branch: ${branch}`,
      self.head && `Commit: ${self.head.slice(0, 10)}`,
      `Fingerprint: ${self.fingerprint}`,
    ]),
    icon: 'account',
    context: 'self',
    accessible: `${name}, you${branch === undefined ? '' : `, on ${branch}`}`,
    target: { repo, fingerprint: self.fingerprint },
  };
}

export function peerRow(repo: string, peer: PeerView, clock: Clock): Row {
  const name = plain(peer.name);
  const look = peer.error === undefined ? ICONS[peer.state] : { icon: 'warning', color: 'list.warningForeground' };
  return {
    id: `${repo}#peer:${peer.fingerprint}`,
    label: name,
    description: describe(peer, clock),
    tooltip: peerTooltip(peer, clock),
    ...look,
    context: `peer.${peer.state}`,
    accessible: peerInWords(peer),
    target: { repo, fingerprint: peer.fingerprint },
  };
}

/** `main ↑1 ↓2 · 1 branch diverged · direct · 12 ms`, or what keeps the peer away, or what is being transferred. */
function describe(peer: PeerView, clock: Clock): string {
  const synced = peer.lastSync === undefined ? undefined : `synced ${clock(peer.lastSync)}`;
  const diverged = peer.diverged > 0 && divergedText(peer.diverged);
  if (peer.state !== 'online') return [peer.state, diverged, synced].filter(Boolean).join(' · ');
  const position = [
    peer.branch && plain(peer.branch, 30),
    peer.ahead && `↑${peer.ahead}`,
    peer.behind && `↓${peer.behind}`,
  ];
  const parts = [
    position.filter(Boolean).join(' '),
    diverged,
    peer.transfer && transferText(peer.transfer),
    peer.route && ROUTES[peer.route],
    peer.rttMs !== undefined && roundTrip(peer.rttMs),
    peer.role === 'read' && ROLES.read,
  ];
  return parts.filter(Boolean).join(' · ');
}

function peerTooltip(peer: PeerView, clock: Clock): string {
  const name = plain(peer.name);
  const route =
    peer.route && `Route: ${ROUTES_IN_FULL[peer.route]}${peer.remote === undefined ? '' : `, ${plain(peer.remote)}`}`;
  return lines([
    `${name}: ${peer.state}`,
    peer.error && plain(peer.error.message, 300),
    `Role: ${ROLES[peer.role]}`,
    route,
    peer.rttMs !== undefined && `Round trip: ${roundTrip(peer.rttMs)}`,
    peer.branch && `Branch: ${plain(peer.branch)}`,
    peer.ahead && `You have ${count(peer.ahead, 'commit')} that ${name} lacks`,
    peer.behind && `${name} has ${count(peer.behind, 'commit')} that you lack`,
    capital(syncText(peer)),
    peer.lastSync !== undefined && `Last sync: ${clock(peer.lastSync)}`,
    ...trafficLines(peer),
    ...betterLines(peer),
    `Fingerprint: ${peer.fingerprint}`,
  ]);
}

/** One line while one route carried everything, else one for each. */
function trafficLines({ traffic, bytesSent, bytesReceived, bytesResent }: PeerView): string[] {
  const moved = (sent: number, received: number): string => `sent ${bytes(sent)}, received ${bytes(received)}`;
  const again = bytesResent > 0 ? [`Sent again after interruptions: ${bytes(bytesResent)}`] : [];
  if (traffic.length < 2) return [`In all: ${moved(bytesSent, bytesReceived)}`, ...again];
  return [
    ...traffic.map(({ route, sent, received }) => `${capital(ROUTES_IN_FULL[route])}: ${moved(sent, received)}`),
    ...again,
  ];
}

/** Why no better way is used, in the words of the attempt that failed. */
function betterLines({ state, betterRoutes }: PeerView): string[] {
  if (state !== 'online' || betterRoutes.length === 0) return [];
  return [
    'No better route yet:',
    ...betterRoutes.map(({ tier, why }) => `  ${TIERS[tier] ?? plain(tier)}: ${plain(why, 200)}`),
  ];
}

const TIERS: Readonly<Record<string, string>> = {
  tcp: 'direct',
  webrtc: 'hole-punched',
  relay: 'relay',
  json: 'relay as text',
};

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function peerInWords(peer: PeerView): string {
  const parts = [
    plain(peer.name),
    peer.state,
    peer.branch && `on ${plain(peer.branch)}`,
    peer.ahead && `lacks ${count(peer.ahead, 'commit')} of yours`,
    peer.behind && `has ${count(peer.behind, 'commit')} that you lack`,
    peer.transfer && transferText(peer.transfer),
    (peer.diverged > 0 || (peer.state === 'online' && peer.inSync)) && syncText(peer),
    peer.error && plain(peer.error.message, 300),
  ];
  return parts.filter(Boolean).join(', ');
}

export function transferText(transfer: Transfer): string {
  const done = percent(transfer);
  const rate = transfer.bytesPerSecond > 0 ? `${bytes(transfer.bytesPerSecond)}/s` : undefined;
  return [plain(transfer.task, 40), done !== undefined && `${done}%`, rate].filter(Boolean).join(' ');
}

/** Milliseconds as people read them. */
export const roundTrip = (ms: number): string => (ms < 1 ? '<1 ms' : `${Math.round(ms)} ms`);

const lines = (parts: readonly (string | number | false | undefined)[]): string => parts.filter(Boolean).join('\n');
