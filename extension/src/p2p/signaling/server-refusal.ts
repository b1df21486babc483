import { PeerweaveError, type Reason } from '../../shared/errors.ts';
import type { ServerReason } from './wire/messages.ts';

const MISUNDERSTOOD: readonly [Reason, string] = [
  'signaling-refused',
  'does not understand this version of Peerweave. One of the two needs an update.',
];
const GONE: readonly [Reason, string] = ['signaling-unreachable', 'closed the connection.'];

/** What each refusal means to a person: the rest of a sentence that begins with the server. */
const MEANINGS: Readonly<Record<ServerReason, readonly [Reason, string]>> = {
  version: MISUNDERSTOOD,
  'bad-message': MISUNDERSTOOD,
  'message-too-large': MISUNDERSTOOD,
  'not-joined': MISUNDERSTOOD,
  unauthorised: [
    'signaling-refused',
    'lets in only those who have its token. Ask its operator for the token, or use another server.',
  ],
  'room-full': ['room-full', 'has no room for another member in this session. Somebody has to leave first.'],
  'server-full': ['signaling-unreachable', 'is full. Try again later, or use another server.'],
  'too-many-connections': [
    'rate-limited',
    'has too many connections from this network already. Close some, or use another server.',
  ],
  'rate-limited': ['rate-limited', 'was asked too often from here. It will be asked again in a while.'],
  'slow-consumer': ['signaling-unreachable', 'dropped the connection, for this computer read too slowly.'],
  'peer-unknown': ['unreachable', 'does not see that member any more.'],
  'peer-taken': GONE,
  'ticket-unknown': ['unreachable', 'does not know the meeting any more.'],
  'session-unknown': ['unreachable', 'does not know the meeting any more.'],
  timeout: GONE,
  idle: GONE,
  'going-away': ['signaling-unreachable', 'is restarting. It will be back in a moment.'],
};

/** A server's refusal as an error that says what to do. What the server wrote is not in it: it could write anything. */
export function refusalError(server: string, reason: ServerReason): PeerweaveError {
  const [typed, text] = MEANINGS[reason];
  return new PeerweaveError(typed, `The signaling server ${server} ${text}`);
}
