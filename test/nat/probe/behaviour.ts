import type { Family } from '../lab/addresses.ts';
import type { Home } from '../lab/home.ts';
import type { Endpoint } from './agent-protocol.ts';
import { IP_VERSION, TCP_PORTS, type Observer } from './observer.ts';
import { ProbeAgent, type ProbeSocket } from './probe-agent.ts';

/** In the terms of RFC 4787, sections 4.1 and 5. */
export type Dependence = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

/** How the way from a machine to the internet and back behaves. */
export interface Behaviour {
  /** `none`: the outside sees the machine's own address and port. `blocked`: no datagram gets out. */
  readonly mapping: Dependence | 'none' | 'blocked';
  /** Who may send to a port from which something has been sent. */
  readonly filtering: Dependence | 'blocked';
  /** Whether a datagram gets in to a port from which nothing has been sent. */
  readonly unsolicited: boolean;
  /** Those of TCP_PORTS to which a connection can be made. */
  readonly tcpOut: readonly number[];
  readonly tcpIn: boolean;
}

/**
 * Finds out by trying, from both sides. Nothing here waits for what does not come: the lab's ways have no delay and keep the order, so
 * what is not there after something that was sent later, never will be.
 */
export async function observe(observer: Observer, home: Home, family: Family): Promise<Behaviour> {
  const agent = new ProbeAgent(home.peer);
  try {
    const view = { observer, home, family, agent };
    const udp = await udpBehaviour(view);
    return { ...udp, tcpOut: await tcpOut(view), tcpIn: await tcpIn(view) };
  } finally {
    agent.dispose();
  }
}

/** Who looks at what: an agent at the home, and the observer outside. */
export interface View {
  readonly observer: Observer;
  readonly home: Home;
  readonly family: Family;
  readonly agent: ProbeAgent;
}

type UdpBehaviour = Pick<Behaviour, 'mapping' | 'filtering' | 'unsolicited'>;

async function udpBehaviour(view: View): Promise<UdpBehaviour> {
  const mapping = await mappingOf(view);
  if (mapping === 'blocked') return { mapping, filtering: 'blocked', unsolicited: false };
  return { mapping, ...(await filteringOf(view)) };
}

/** RFC 5780, section 4.3: what do three servers see of one socket? */
async function mappingOf(view: View): Promise<Behaviour['mapping']> {
  const { observer, home, family, agent } = view;
  const servers = Object.values(observer.servers(family)) as ProbeSocket[];
  const socket = await agent.udp(IP_VERSION[family]);
  const text = `from ${home.name} ${home.publicAddress(family)} port ${socket.local.port}`;
  for (const server of servers) socket.send(server.local, text);
  await marker(view);
  const seen = servers.flatMap((s) => s.received().filter((datagram) => datagram.text === text));
  const [first, otherPort, otherAddress] = seen.map(({ from }) => from);
  if (first === undefined) return 'blocked';
  if (otherPort === undefined || otherAddress === undefined) throw new Error('Some servers are reached, others not.');
  const found = dependence(same(first, otherPort), same(first, otherAddress));
  const local = { address: home.localAddress(family), port: socket.local.port };
  return found === 'endpoint-independent' && same(first, local) ? 'none' : found;
}

/** RFC 5780, section 4.4: who may answer a socket that has written to the first server alone? */
async function filteringOf({ observer, home, family, agent }: View): Promise<Omit<UdpBehaviour, 'mapping'>> {
  const { first, otherPort, otherAddress } = observer.servers(family);
  const socket = await agent.udp(IP_VERSION[family]);
  const silent = await agent.udp(IP_VERSION[family]);
  const text = `${home.name} ${home.publicAddress(family)} asks from port ${socket.local.port}`;
  socket.send(first.local, text);
  const { from: mapped } = await first.datagram(text);
  otherAddress.send(mapped, 'from the other address');
  otherPort.send(mapped, 'from the other port');
  first.send({ address: home.publicAddress(family), port: silent.local.port }, 'unsolicited');
  first.send(mapped, 'the marker');
  await socket.datagram('the marker');
  await agent.upToDate();
  const entered = socket.received().map((datagram) => datagram.text);
  return {
    filtering: dependence(entered.includes('from the other port'), entered.includes('from the other address')),
    unsolicited: silent.received().length > 0,
  };
}

const same = (one: Endpoint, other: Endpoint): boolean => one.address === other.address && one.port === other.port;

const dependence = (acrossPorts: boolean, acrossAddresses: boolean): Dependence =>
  acrossAddresses ? 'endpoint-independent' : acrossPorts ? 'address-dependent' : 'address-and-port-dependent';

/** Resolves when whatever was sent outwards before is there, or lost: goes over what passes everywhere. */
export async function marker({ observer, agent, family }: View): Promise<void> {
  await agent.connect({ address: observer.address(family), port: 443 }).opened();
  await observer.agent.upToDate();
  await agent.upToDate();
}

async function tcpOut(view: View): Promise<readonly number[]> {
  const { observer, agent, family } = view;
  const address = observer.address(family);
  const attempts = TCP_PORTS.map((port) => ({ port, connection: agent.connect({ address, port }) }));
  await marker(view);
  return attempts.filter(({ connection }) => connection.isOpen()).map(({ port }) => port);
}

async function tcpIn(view: View): Promise<boolean> {
  const { observer, home, family, agent } = view;
  const port = 4711;
  const connections = await agent.listen({ address: home.localAddress(family), port });
  observer.agent.connect({ address: home.publicAddress(family), port });
  await observer.agent.upToDate();
  await marker(view);
  return connections() > 0;
}
