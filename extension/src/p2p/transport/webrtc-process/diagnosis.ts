import type { IceCandidate } from '../ice-candidate.ts';
import type { ChosenIceServers } from '../ice-servers.ts';

/** How far an attempt came. */
export interface ConnectionFacts {
  /** The other side's description arrived. */
  readonly heard: boolean;
  /** The two sides have exchanged packets. */
  readonly iceConnected: boolean;
  readonly ours: readonly IceCandidate[];
  readonly theirs: readonly IceCandidate[];
  readonly servers: ChosenIceServers;
  /** Of TURN servers that failed us. */
  readonly problems: readonly string[];
}

/** Why an attempt has not come to a connection, and what would help, in a sentence or two for people. */
export function whyNotConnected({ heard, iceConnected, ours, theirs, servers, problems }: ConnectionFacts): string {
  if (iceConnected) return 'A way to the other side was found, but packets on it were lost before WebRTC was ready.';
  if (!heard) return 'The other side did not answer.';
  if (theirs.length === 0) return 'The other side named no address to try.';
  if (ours.length === 0) return sentences('This machine has no address to offer.', ...problems);
  const tried = `No packet came through between ${count(ours)} here and ${count(theirs)} there.`;
  return sentences(tried, ...problems, advice(ours, theirs, servers));
}

function advice(ours: readonly IceCandidate[], theirs: readonly IceCandidate[], servers: ChosenIceServers): string {
  const relayed = [...ours, ...theirs].some(({ type }) => type === 'relay');
  if (relayed) return 'Not even through the TURN server: UDP may be blocked between it and the other side.';
  if (servers.turn.length > 0) return 'The TURN server did not answer.';
  if (servers.stun === undefined) return 'No STUN or TURN server is known; with one, routers could be passed.';
  const outside = ours.some(({ type }) => type === 'srflx');
  return outside
    ? 'Routers like these need a TURN server.'
    : 'The STUN server did not answer: UDP may be blocked here.';
}

const NAMES = { host: 'local', srflx: 'outside', prflx: 'outside', relay: 'relayed' };

/** `2 local and 1 outside addresses` */
function count(candidates: readonly IceCandidate[]): string {
  const kinds = Object.values(NAMES).filter((name, index, all) => all.indexOf(name) === index);
  const parts = kinds
    .map((kind) => ({ kind, many: candidates.filter(({ type }) => NAMES[type] === kind).length }))
    .filter(({ many }) => many > 0)
    .map(({ kind, many }) => `${many} ${kind}`);
  return `${parts.join(' and ')} ${candidates.length === 1 ? 'address' : 'addresses'}`;
}

const sentences = (...parts: string[]): string => parts.map((part) => part.replace(/[.]?$/, '.')).join(' ');
