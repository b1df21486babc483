import type { Family } from './addresses.ts';
import type { RouterRules } from './router-rules.ts';

/** How a home is connected: from nothing in between to hardly anything that passes. */
export interface NatKind {
  readonly title: string;
  readonly families: readonly Family[];
  /** From the peer outwards; none is a public address on the machine itself. */
  readonly routers: readonly RouterRules[];
}

/** What most homes have: the port is kept, and only who was written to may answer. */
const homeRouter: RouterRules = { ports: 'kept', admits: 'answers', passes: 'all' };

export const NAT_KINDS = {
  none: { title: 'public address', families: ['v4', 'v6'], routers: [] },
  'full-cone': { title: 'full cone', families: ['v4'], routers: [{ ...homeRouter, admits: 'anyone' }] },
  'port-restricted': { title: 'port-restricted', families: ['v4'], routers: [homeRouter] },
  symmetric: { title: 'symmetric', families: ['v4'], routers: [{ ...homeRouter, ports: 'random' }] },
  double: { title: 'double NAT', families: ['v4'], routers: [homeRouter, homeRouter] },
  'udp-blocked': { title: 'UDP blocked', families: ['v4'], routers: [{ ...homeRouter, passes: 'tcp' }] },
  'only-443': { title: 'only TCP 443', families: ['v4'], routers: [{ ...homeRouter, passes: 'tcp-443' }] },
  'ipv6-only': { title: 'IPv6 only, firewall', families: ['v6'], routers: [homeRouter] },
} as const satisfies Record<string, NatKind>;

export type NatName = keyof typeof NAT_KINDS;
export const NAT_NAMES = Object.keys(NAT_KINDS) as NatName[];
