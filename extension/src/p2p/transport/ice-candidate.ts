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
const nobodys = { ipv4: new BlockList(), ipv6: new BlockList() };
nobodys.ipv4.addSubnet('0.0.0.0', 8, 'ipv4');
nobodys.ipv4.addSubnet('224.0.0.0', 3, 'ipv4');
nobodys.ipv6.addSubnet('::', 128, 'ipv6');
// IPv4 written as IPv6. In a list of its own family, for it also stands for every IPv4 address there is.
nobodys.ipv6.addSubnet('::ffff:0:0', 96, 'ipv6');
nobodys.ipv6.addSubnet('fe80::', 10, 'ipv6');
nobodys.ipv6.addSubnet('ff00::', 8, 'ipv6');

const loopback = { ipv4: new BlockList(), ipv6: new BlockList() };
loopback.ipv4.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.ipv6.addAddress('::1', 'ipv6');

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
  if (isIP(address) === 0 || isIn(nobodys, address)) return undefined;
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

function isIn(lists: typeof loopback, address: string): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  return lists[family].check(address, family);
}
