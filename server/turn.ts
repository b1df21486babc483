import { createHmac, randomBytes } from 'node:crypto';
import { PeerweaveError } from '../extension/src/shared/errors.ts';
import type { IceServer } from '../extension/src/p2p/signaling/wire/messages.ts';
import type { TurnOptions } from './options.ts';

/** Long enough for any connection to be made; a connection that is up goes on when they run out. */
export const DEFAULT_CREDENTIAL_SECONDS = 3_600;

/** RFC 7064 and RFC 7065: a host, perhaps a port, and for TURN perhaps the transport. */
const STUN_URL = /^stuns?:[^\s:@?/]+(:\d{1,5})?$|^stuns?:\[[0-9a-f:]+\](:\d{1,5})?$/i;
const TURN_URL = /^turns?:([^\s:@?/]+|\[[0-9a-f:]+\])(:\d{1,5})?(\?transport=(udp|tcp))?$/i;

/** What clients are given to find their way with; throws `bad-request` for URLs that are none. */
export class IceServers {
  private readonly stun: readonly string[];
  private readonly turn: TurnOptions | undefined;

  constructor(stun: readonly string[], turn: TurnOptions | undefined) {
    for (const url of stun) check(url, STUN_URL, 'stun:host:3478');
    for (const url of turn?.urls ?? []) check(url, TURN_URL, 'turn:host:3478 or turns:host:5349?transport=tcp');
    this.stun = stun;
    this.turn = turn;
  }

  /** With credentials made now, for one client; `nowMs` since 1970. */
  now(nowMs: number = Date.now()): { ice: IceServer[]; iceSeconds: number } {
    const ice: IceServer[] = this.stun.length > 0 ? [{ urls: [...this.stun] }] : [];
    const seconds = this.turn?.seconds ?? DEFAULT_CREDENTIAL_SECONDS;
    if (this.turn !== undefined) {
      const expiry = Math.floor(nowMs / 1_000) + seconds;
      ice.push({
        urls: [...this.turn.urls],
        ...turnCredentials(this.turn.secret, expiry, randomBytes(8).toString('hex')),
      });
    }
    return { ice, iceSeconds: seconds };
  }
}

/**
 * Credentials that a TURN server checks without having been told of them: `username` is the time at which they run out, in seconds
 * since 1970, and a name; the credential is its HMAC-SHA1 by a shared secret. draft-uberti-behave-turn-rest-00, coturn's
 * `use-auth-secret`. The name is random, so that a TURN server's log links no two of them.
 */
export function turnCredentials(
  secret: string,
  expiry: number,
  name: string,
): { username: string; credential: string } {
  const username = `${expiry}:${name}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}

function check(url: string, pattern: RegExp, example: string): void {
  if (pattern.test(url)) return;
  throw new PeerweaveError('bad-request', `${url} is no such URL. Write it as ${example}.`);
}
