import type { EngineEvent } from '../../rpc/contract.ts';
import type { PeerView, SessionView } from '../../rpc/model.ts';
import { syncText } from '../../shared/sync-text.ts';
import { conflictLine, moreLines } from './conflict-text.ts';

/** Peers choose their names; in a terminal a control character is a command (ED5). */
export const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');

/** Writes events: one JSON object a line for scripts, or short lines for people. */
export function eventPrinter(json: boolean, write: (line: string) => void): (event: EngineEvent) => void {
  if (json) return (event) => write(JSON.stringify(event));
  return (event) => {
    const line = describe(event);
    if (line !== undefined) write(plain(line));
  };
}

const PHASES: Record<SessionView['phase'], (repo: string) => string> = {
  connecting: () => 'Connecting …',
  'waiting-approval': () => 'Waiting for the host to let you in …',
  cloning: () => 'Cloning …',
  history: (repo) => `${repo} is ready to work in; older history is arriving …`,
  live: (repo) => `${repo} is in the session. Ctrl+C leaves it.`,
  ended: (repo) => `The session of ${repo} has ended.`,
};

const short = (oid: string | null): string => (oid === null ? '(none)' : oid.slice(0, 8));

function describe(event: EngineEvent): string | undefined {
  switch (event.event) {
    case 'session':
      return event.invite === undefined
        ? PHASES[event.phase](event.repo)
        : `Invite (send it to whoever should join): ${event.invite}`;
    case 'peer':
      return `${event.peer} is ${event.state}${event.route === undefined ? '' : ` over ${event.route}`}`;
    case 'ref':
      return `${event.ref}  ${short(event.from)} → ${short(event.to)}  by ${event.by}`;
    case 'progress':
      return undefined;
    case 'conflict':
      return `Diverged: ${event.branch} (${event.candidates.map(({ oid, owners }) => `${owners.join(', ')} at ${short(oid)}`).join('; ')})`;
    case 'synced':
      return `Synced with ${event.peer}`;
    case 'error':
      return `Error: ${event.message}`;
  }
}

/** A session in a few lines, for `status`. */
export function sessionText(session: SessionView): string {
  const { self, peers, conflicts, pending, approvals } = session;
  const lines = [
    `${session.repoName}: ${session.phase} as ${self.name} (${session.role}), on ${self.branch ?? 'a detached HEAD'}`,
    ...peers.map(peerText),
    ...approvals.map(({ name, fingerprint }) => `  ${name} waits to be let in: ${fingerprint}`),
    ...[...conflicts.map(conflictLine), ...moreLines(session)].map((line) => `  ${line}`),
    ...pending.map(({ branch, from, detail }) => `  ${branch} waits for an update from ${from}: ${detail}`),
  ];
  return lines.map(plain).join('\n');
}

export function peerText(peer: PeerView): string {
  const facts = [
    peer.state,
    ...(peer.route === undefined ? [] : [peer.route]),
    ...(peer.rttMs === undefined ? [] : [`${peer.rttMs.toFixed(1)} ms`]),
    ...(peer.branch === undefined ? [] : [`on ${peer.branch}`]),
    syncText(peer),
  ];
  return `  ${peer.name}: ${facts.join(', ')}  ${peer.fingerprint}`;
}
