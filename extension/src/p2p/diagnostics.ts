import { arch, platform, release } from 'node:os';
import type { EngineState, PeerView, SessionView } from '../rpc/model.ts';
import { syncText } from '../shared/sync-text.ts';

/** The engine's state as text to paste into a report: versions, states and counters, no secret and no path. */
export function diagnosticsText(state: EngineState): string {
  return [
    `Peerweave ${state.version} · Node ${process.version} · ${platform()} ${release()} ${arch()}`,
    `Identity ${state.fingerprint}`,
    `Memory ${Math.round(process.memoryUsage().rss / 1_048_576)} MiB · up ${Math.round(process.uptime())} s`,
    `Sessions: ${state.sessions.length}`,
    ...state.sessions.flatMap(sessionLines),
    '',
  ].join('\n');
}

function sessionLines(session: SessionView): string[] {
  const { conflicts, moreConflicts, pending, notices, approvals } = session;
  return [
    '',
    `Session ${session.sessionId} · ${session.repoName} · ${session.role} · ${session.phase}`,
    `  on ${session.self.branch ?? '(detached)'} at ${session.self.head ?? '(no commit)'}`,
    `  conflicts ${conflicts.length + (moreConflicts?.all ?? 0)} · pending ${pending.length} · notices ${notices.length} · waiting ${approvals.length}`,
    ...pending.map((item) => `  pending ${item.branch}: ${item.detail}`),
    ...(session.signaling === undefined ? [] : [`  signaling ${session.signaling.state}${problemOf(session)}`]),
    ...session.peers.flatMap(peerLines),
  ];
}

/** The URL may be of a private server, so only what is wrong with it is told. */
const problemOf = ({ signaling }: SessionView): string =>
  signaling?.problem === undefined ? '' : `: ${signaling.problem.replaceAll(signaling.url, '(url)')}`;

function peerLines(peer: PeerView): string[] {
  const facts = [
    peer.state,
    peer.role,
    peer.route ?? 'no route',
    peer.rttMs === undefined ? 'RTT ?' : `RTT ${peer.rttMs.toFixed(1)} ms`,
    syncText(peer),
    `sent ${peer.bytesSent} B`,
    `received ${peer.bytesReceived} B`,
    `resent ${peer.bytesResent} B`,
    `moved ${peer.moves} times`,
    ...(peer.error === undefined ? [] : [`error ${peer.error.reason}: ${peer.error.message}`]),
  ];
  return [
    `  ${peer.fingerprint} ${facts.join(' · ')}`,
    ...peer.traffic.map(({ route, sent, received }) => `    by ${route}: sent ${sent} B · received ${received} B`),
    ...peer.betterRoutes.map(({ tier, why }) => `    no ${tier}: ${why}`),
  ];
}
