import type { Route } from '../../extension/src/p2p/transport/transport.ts';
import { NAT_KINDS, NAT_NAMES, type NatKind, type NatName } from './lab/nat-kinds.ts';

/**
 * The best route that there is between two homes, from what their routers let through. Without a common protocol version only the server
 * can stand between: a TURN server could too, but libjuice on a machine without IPv4 takes no IPv4 candidates, for it reads them by
 * getaddrinfo(3) with AI_ADDRCONFIG, and so never allows the other end to reach its relayed address.
 */
export function bestRoute(one: NatName, other: NatName): Route {
  if (!shareFamily(one, other)) return 'relay';
  if (takesTcpFrom(one, other) || takesTcpFrom(other, one)) return 'tcp';
  return punches(one, other) ? 'webrtc' : 'webrtc-turn';
}

export const ALL_PAIRS: readonly (readonly [host: NatName, guest: NatName])[] = NAT_NAMES.flatMap((host) =>
  NAT_NAMES.map((guest) => [host, guest] as const),
);

/** Each kind with its like, with a home as most are, and with a machine on the internet itself. */
export const SOME_PAIRS = ALL_PAIRS.filter(
  ([host, guest]) => guest === host || guest === 'none' || guest === 'port-restricted',
);

const routersOf = (name: NatName): NatKind['routers'] => NAT_KINDS[name].routers;

function shareFamily(one: NatName, other: NatName): boolean {
  const families: NatKind['families'] = NAT_KINDS[other].families;
  return NAT_KINDS[one].families.some((family) => families.includes(family));
}

/** A listener has a port of its own, not 443, and no router opens it. */
const takesTcpFrom = (listener: NatName, dialer: NatName): boolean =>
  routersOf(listener).length === 0 && routersOf(dialer).every(({ passes }) => passes !== 'tcp-443');

/**
 * UDP hole punching (RFC 5128, section 3.3). An end that has another port for each destination sends from one that nobody could be told
 * of: the other end must let in whoever comes, and then answers to where that came from.
 */
function punches(one: NatName, other: NatName): boolean {
  if ([...routersOf(one), ...routersOf(other)].some(({ passes }) => passes !== 'all')) return false;
  return (keepsPort(one) || admitsAnyone(other)) && (keepsPort(other) || admitsAnyone(one));
}

const keepsPort = (name: NatName): boolean => routersOf(name).every(({ ports }) => ports === 'kept');
const admitsAnyone = (name: NatName): boolean => routersOf(name).every(({ admits }) => admits === 'anyone');
