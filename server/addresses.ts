import { BlockList, isIP, isIPv6 } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { PeerweaveError } from '../extension/src/shared/errors.ts';
import { RateLimit } from '../extension/src/shared/rate-limit.ts';
import type { ServerLimits } from './options.ts';

/** Of rates that people reach by bursts: this many seconds' worth may come at once. */
export const BURST_SECONDS = 10;
const SWEEP_MS = 10_000;

/** Networks whose word about where a request came from is taken. */
export class TrustedProxies {
  private readonly list = new BlockList();

  /** `192.0.2.7`, `10.0.0.0/8`, `fd00::/8`. Throws `bad-request` for anything else. */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = '', prefix] = network.split('/');
      const family = familyOf(address);
      const most = family === 'ipv6' ? 128 : 32;
      const bits = prefix === undefined ? most : /^\d{1,3}$/.test(prefix) ? Number(prefix) : NaN;
      if (isIP(address) === 0 || !(bits <= most)) {
        throw new PeerweaveError('bad-request', `${network} is no network. Write it as 10.0.0.0/8 or fd00::/8.`);
      }
      this.list.addSubnet(address, bits, family);
    }
  }

  trusts(address: string): boolean {
    return isIP(address) !== 0 && this.list.check(address, familyOf(address));
  }

  /**
   * Where a request came from: the last address of `X-Forwarded-For` that no trusted proxy has added. Whoever is no trusted proxy can
   * write there what it likes, so that the header is ignored then.
   */
  clientOf(request: IncomingMessage): string {
    const direct = plainAddress(request.socket.remoteAddress);
    const header = [request.headers['x-forwarded-for'] ?? []].flat().join(',');
    const hops = header.split(',').map((hop) => plainAddress(hop.trim()));
    let client = direct;
    while (this.trusts(client)) {
      const before = hops.pop();
      if (before === undefined || isIP(before) === 0) break;
      client = before;
    }
    return client;
  }
}

/** Whom limits of an address count as one: an IPv4 address, or the /64 that a household or a machine has of IPv6. */
export function groupOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

/** Without the wrapping of IPv4 in IPv6, and without a zone. */
export const plainAddress = (address: string | undefined): string =>
  (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');

interface AddressUse {
  connections: number;
  readonly joins: RateLimit;
}

/** What each address uses. */
export class Addresses {
  private readonly uses = new Map<string, AddressUse>();
  private readonly limits: ServerLimits;
  private readonly now: () => number;
  private readonly sweeping = setInterval(() => this.sweep(), SWEEP_MS);

  constructor(limits: ServerLimits, now: () => number) {
    this.limits = limits;
    this.now = now;
  }

  /** Counts one more connection; undefined when there are too many. */
  enter(group: string): { readonly joins: RateLimit; readonly leave: () => void } | undefined {
    const { connectionsPerAddress, joinsPerSecond } = this.limits;
    const use = this.uses.get(group) ?? {
      connections: 0,
      joins: new RateLimit(joinsPerSecond, joinsPerSecond * BURST_SECONDS, this.now),
    };
    if (use.connections >= connectionsPerAddress) return undefined;
    use.connections++;
    this.uses.set(group, use);
    return { joins: use.joins, leave: () => use.connections-- };
  }

  close(): void {
    clearInterval(this.sweeping);
  }

  /** An address is remembered until its rate has recovered, so that coming back is no way around it. */
  private sweep(): void {
    for (const [group, { connections, joins }] of this.uses) {
      if (connections === 0 && joins.isFull) this.uses.delete(group);
    }
  }
}
