import { BlockList, isIPv4 } from 'node:net';
import type { Gateway } from '@achingbrain/nat-port-mapper';
import { disposable, type Disposable } from '../../shared/disposable.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import { likelyGateways } from './gateways.ts';
import { externalAddresses } from './local-addresses.ts';
import { NAT_PMP_PORT, pmpMap, pmpPublicAddress, type PmpGateway } from './nat-pmp.ts';
import { formatTcpAddress } from './tcp-address.ts';
import type { TransportAddress } from './transport.ts';

/** A mapping ends by itself when we are killed; RFC 6886 §3.3 recommends two hours, and asks for renewal at half time. */
const LEASE_SECONDS = 7_200;
const LEAST_RENEWAL_MS = 60_000;
const DESCRIPTION = 'Peerweave';
/** A search by UPnP has no end of its own. */
const TIMEOUT_MS = 10_000;
/** For a router that cannot be asked any more; the lease will end. */
const UNMAP_TIMEOUT_MS = 2_000;

export interface PortMapping extends Disposable {
  /** Where the router lets others in. */
  readonly address: TransportAddress;
}

/** Who may be asked. Tests ask others. */
export interface PortMappers {
  readonly pmp: () => Promise<readonly PmpGateway[]>;
  readonly upnp: (signal: AbortSignal) => AsyncIterable<Gateway> | Promise<AsyncIterable<Gateway>>;
}

const realMappers: PortMappers = {
  pmp: async () => (await likelyGateways()).map((host) => ({ host, port: NAT_PMP_PORT })),
  async upnp(signal) {
    // Loaded only for those who want it.
    const { upnpNat } = await import('@achingbrain/nat-port-mapper');
    return upnpNat().findGateways({ signal });
  },
};

/**
 * Asks the router to let TCP connections in to `port` of this machine, by NAT-PMP and UPnP at once; whichever answers first. Renewed until
 * disposed. Throws `unreachable` with what each said, also when the router's own address is behind another router, or `cancelled`.
 */
export async function mapPort(
  port: number,
  signal: AbortSignal,
  mappers: PortMappers = realMappers,
): Promise<PortMapping> {
  const stop = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    return await firstOf(stop, [(abort) => mapByPmp(port, abort, mappers), (abort) => mapByUpnp(port, abort, mappers)]);
  } catch (error) {
    if (signal.aborted) throw new PeerweaveError('cancelled', 'Asking the router was cancelled.');
    throw error;
  }
}

/** The first that succeeds; the others are stopped, and let go of what they have got meanwhile. */
async function firstOf(
  signal: AbortSignal,
  attempts: readonly ((signal: AbortSignal) => Promise<PortMapping>)[],
): Promise<PortMapping> {
  const won = new AbortController();
  const stop = AbortSignal.any([signal, won.signal]);
  let first: PortMapping | undefined;
  const all = attempts.map(async (attempt) => {
    const mapping = await attempt(stop);
    if (first !== undefined) mapping.dispose();
    return (first ??= mapping);
  });
  try {
    return await Promise.any(all);
  } catch (error) {
    const reasons = error instanceof AggregateError ? error.errors.map(messageOf) : [messageOf(error)];
    throw new PeerweaveError('unreachable', reasons.join(' '), { cause: error });
  } finally {
    won.abort();
  }
}

async function mapByPmp(port: number, signal: AbortSignal, { pmp }: PortMappers): Promise<PortMapping> {
  const gateways = await pmp();
  if (gateways.length === 0) throw new PeerweaveError('unreachable', 'No router is known to ask by NAT-PMP.');
  return firstOf(
    signal,
    gateways.map((gateway) => (abort) => mapAtPmp(port, gateway, abort)),
  );
}

async function mapAtPmp(port: number, gateway: PmpGateway, signal: AbortSignal): Promise<PortMapping> {
  const host = publicAddress(await pmpPublicAddress(gateway, signal), gateway.host);
  const first = await pmpMap(gateway, { port, outerPort: port, seconds: LEASE_SECONDS }, signal);
  const { outerPort } = first;
  const renewal = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const renewIn = (seconds: number): void => {
    const renew = (): void => {
      pmpMap(gateway, { port, outerPort, seconds: LEASE_SECONDS }, renewal.signal).then(
        (next) => renewIn(next.seconds),
        () => renewIn(0),
      );
    };
    timer = setTimeout(renew, Math.max(LEAST_RENEWAL_MS, (seconds * 1_000) / 2)).unref();
  };
  renewIn(first.seconds);
  return {
    address: formatTcpAddress(host, outerPort),
    ...disposable(() => {
      clearTimeout(timer);
      renewal.abort();
      // RFC 6886 §3.4: outer port and lifetime 0.
      pmpMap(gateway, { port, outerPort: 0, seconds: 0 }, AbortSignal.timeout(UNMAP_TIMEOUT_MS)).catch(() => undefined);
    }),
  };
}

async function mapByUpnp(port: number, signal: AbortSignal, { upnp }: PortMappers): Promise<PortMapping> {
  const local = externalAddresses().filter((address) => address.includes('.'));
  for await (const gateway of await upnp(signal)) {
    if (gateway.family !== 'IPv4') continue;
    const [first = gateway.host] = local.filter((address) => sameNetwork(address, gateway.host)).concat(local);
    const host = publicAddress(await gateway.externalIp({ signal }), gateway.host);
    const { externalPort } = await gateway.map(port, first, { protocol: 'tcp', description: DESCRIPTION, signal });
    return {
      address: formatTcpAddress(host, externalPort),
      ...disposable(() => {
        gateway.stop({ signal: AbortSignal.timeout(UNMAP_TIMEOUT_MS) }).catch(() => undefined);
      }),
    };
  }
  throw new PeerweaveError('unreachable', 'No router answers by UPnP.');
}

/** Throws for an address that only the router's own network knows: RFC 1918, carrier-grade NAT (RFC 6598) and their like. */
function publicAddress(address: string, gateway: string): string {
  if (!isIPv4(address)) throw new PeerweaveError('unreachable', `The router ${gateway} does not know its own address.`);
  if (!notPublic.check(address)) return address;
  throw new PeerweaveError(
    'unreachable',
    `The router ${gateway} is behind another one: its own address is ${address}, which nobody outside can reach.`,
  );
}

const notPublic = new BlockList();
const NETWORKS = ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'];
for (const network of [...NETWORKS, '192.168.0.0/16', '224.0.0.0/3']) {
  const [address = '', prefix] = network.split('/');
  notPublic.addSubnet(address, Number(prefix), 'ipv4');
}

const sameNetwork = (a: string, b: string): boolean => a.replace(/\d+$/, '') === b.replace(/\d+$/, '');
