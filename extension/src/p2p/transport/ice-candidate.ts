import { BlockList, isIP, isIPv6 } from 'node:net';

/** Where a peer may be reached, as ICE names it (RFC 8839 §5.1): one UDP address of a host, a NAT, or a TURN server. */
export interface IceCandidate {
  readonly foundation: string;
  readonly priority: number;
  readonly address: string;
  readonly port: number;
  readonly type: 'host' | 'srflx' | 'prflx' | 'relay';
}

const CANDIDATE =
  /^(?:a=)?candidate:(?<foundation>[A-Za-z0-9+/]{1,32}) 1 udp (?<priority>\d{1,10}) (?<address>[0-9A-Fa-f:.]{2,45}) (?<port>\d{1,5}) typ (?<type>host|srflx|prflx|relay)(?: |$)/i;
const MAX_PORT = 65_535;
const MAX_PRIORITY = 2 ** 31 - 1;

/** No peer can be there: nowhere, many places at once, or a link that only the sender knows which. */
const nobodysAddresses = new BlockList();
nobodysAddresses.addSubnet('0.0.0.0', 8, 'ipv4');
nobodysAddresses.addSubnet('224.0.0.0', 3, 'ipv4');
nobodysAddresses.addSubnet('::', 128, 'ipv6');
// IPv4 written as IPv6, which would pass by the rules for IPv4.
nobodysAddresses.addSubnet('::ffff:0:0', 96, 'ipv6');
nobodysAddresses.addSubnet('fe80::', 10, 'ipv6');
nobodysAddresses.addSubnet('ff00::', 8, 'ipv6');

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * Reads the candidate of a peer, which may be anything. Undefined when it is malformed or of no use to us: TCP (libjuice speaks UDP only), a
 * second component, a name (an mDNS one too: asking the resolver about what a peer wrote is not an ICE check), or an address where
 * nobody can be.
 */
export function parseIceCandidate(line: string, { allowLoopback = false } = {}): IceCandidate | undefined {
  const { foundation, priority, address, port, type } = CANDIDATE.exec(line)?.groups ?? {};
  if (foundation === undefined || address === undefined) return undefined;
  const candidate = { foundation, priority: Number(priority), address, port: Number(port) };
  if (candidate.priority > MAX_PRIORITY || candidate.port < 1 || candidate.port > MAX_PORT) return undefined;
  if (isIP(address) === 0 || isIn(nobodysAddresses, address)) return undefined;
  if (!allowLoopback && isIn(loopback, address)) return undefined;
  return { ...candidate, type: type?.toLowerCase() as IceCandidate['type'] };
}

/** The line without `a=`, and without what only its owner needs to know (the address behind the NAT). */
export function formatIceCandidate({ foundation, priority, address, port, type }: IceCandidate): string {
  return `candidate:${foundation} 1 UDP ${priority} ${address} ${port} typ ${type}`;
}

/** `192.0.2.7:4711` or `[2001:db8::7]:4711`. */
export const formatEndpoint = (address: string, port: number): string =>
  isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;

const isIn = (list: BlockList, address: string): boolean => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
