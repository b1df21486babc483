import { isIPv6 } from 'node:net';
import { PeerweaveError } from '../../shared/errors.ts';

/** One or several URLs of one server, as in `RTCIceServer`. */
export interface IceServerEntry {
  readonly urls: string | readonly string[];
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
}

export interface StunServer {
  readonly kind: 'stun';
  readonly host: string;
  readonly port: number;
}

export interface TurnServer {
  readonly kind: 'turn';
  readonly host: string;
  readonly port: number;
  /** How we speak to it; what it relays is UDP in any case. */
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly username: string;
  readonly credential: string;
}

const URL_FORM =
  /^(?<scheme>stun|turns?):(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<host>[A-Za-z0-9._-]{1,253}))(?::(?<port>\d{1,5}))?(?:\?transport=(?<transport>udp|tcp))?$/;
const DEFAULT_PORT = { stun: 3478, turn: 3478, turns: 5349 };
const MAX_PORT = 65_535;

/**
 * Reads `stun:` (RFC 7064), `turn:` and `turns:` URLs (RFC 7065). Throws `bad-request`, saying what is wrong with which: for a server that is
 * silently left out would be found out late. `turns:` over UDP, which is DTLS, is not supported.
 */
export function parseIceServer({ urls, username, credential }: IceServerEntry): (StunServer | TurnServer)[] {
  return (typeof urls === 'string' ? [urls] : urls).map((url) => {
    const { scheme, v6, host, port, transport } = URL_FORM.exec(url)?.groups ?? {};
    const name = v6 ?? host;
    if (scheme === undefined || name === undefined || (v6 !== undefined && !isIPv6(v6))) {
      throw refused(url, 'Write it as stun:HOST:PORT, turn:HOST:PORT, turn:HOST:PORT?transport=tcp or turns:HOST:PORT');
    }
    const number = Number(port ?? DEFAULT_PORT[scheme as keyof typeof DEFAULT_PORT]);
    if (number < 1 || number > MAX_PORT) throw refused(url, 'A port is a number from 1 to 65535');
    if (scheme === 'stun') {
      if (transport === 'tcp') throw refused(url, 'STUN works over UDP only');
      return { kind: 'stun', host: name, port: number };
    }
    if (username === undefined || credential === undefined)
      throw refused(url, 'A TURN server needs a username and a credential');
    if (scheme === 'turns' && transport === 'udp')
      throw refused(url, 'TURN over DTLS is not supported; use transport=tcp');
    const carried = scheme === 'turns' ? 'tls' : transport === 'tcp' ? 'tcp' : 'udp';
    return { kind: 'turn', host: name, port: number, transport: carried, username, credential };
  });
}

/** The same for several; those that are wrong are told to `onProblem` and left out, when it is given. */
export function parseIceServers(
  entries: readonly IceServerEntry[],
  onProblem?: (problem: PeerweaveError) => void,
): (StunServer | TurnServer)[] {
  return entries.flatMap((entry) => {
    try {
      return parseIceServer(entry);
    } catch (error) {
      if (onProblem === undefined || !(error instanceof PeerweaveError)) throw error;
      onProblem(error);
      return [];
    }
  });
}

/** libjuice takes one STUN server and two TURN servers; a third is not looked at. */
export interface ChosenIceServers {
  readonly stun: StunServer | undefined;
  readonly turn: readonly TurnServer[];
}

/**
 * Which servers one attempt uses. `turn` counts up from attempt to attempt, so that one which does not answer is not all we ever ask. Of
 * TURN servers one over UDP, the fastest, and one that gets through where UDP does not: TLS before TCP, for that passes more middleboxes.
 */
export function chooseIceServers(servers: readonly (StunServer | TurnServer)[], turn: number): ChosenIceServers {
  const next = <T>(list: readonly T[]): T | undefined => list[turn % Math.max(1, list.length)];
  const over = (transport: TurnServer['transport']): TurnServer | undefined =>
    next(servers.filter((server): server is TurnServer => server.kind === 'turn' && server.transport === transport));
  const [udp, tcp, tls] = [over('udp'), over('tcp'), over('tls')];
  return {
    stun: next(servers.filter((server) => server.kind === 'stun')),
    turn: (udp === undefined ? [tls, tcp] : [udp, tls ?? tcp]).filter((server) => server !== undefined),
  };
}

function refused(url: string, why: string): PeerweaveError {
  // Of what is no URL at all, the beginning says enough; a credential in the wrong place is not repeated.
  const shown = url.replace(/[^:]*:[^@]*@/, '…@').slice(0, 80);
  return new PeerweaveError('bad-request', `"${shown}" is no ICE server that can be used. ${why}.`);
}
