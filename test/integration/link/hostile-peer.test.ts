import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import {
  SshAlgorithms,
  SshClientSession,
  SshDisconnectReason,
  SshServerSession,
  SshSessionConfiguration,
} from '@microsoft/dev-tunnels-ssh';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  MAX_CONTROL_FRAME_BYTES,
  MAX_UNADMITTED_FRAME_BYTES,
} from '../../../extension/src/p2p/link/control-protocol.ts';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import {
  KIND_NEW,
  KIND_RESUME,
  LINK_ID_BYTES,
  MAC_BYTES,
  NONCE_BYTES,
  POSITION_BYTES,
  preface,
  PREFACE_BYTES,
  resumeSecret,
} from '../../../extension/src/p2p/link/resume-wire.ts';
import { readExactly } from '../../../extension/src/p2p/link/read-exactly.ts';
import { ResumableStream } from '../../../extension/src/p2p/link/resumable-stream.ts';
import { createSshConfiguration } from '../../../extension/src/p2p/link/ssh-config.ts';
import { sshKeyPair } from '../../../extension/src/p2p/link/ssh-session.ts';
import { tcpTransport } from '../../../extension/src/p2p/transport/tcp.ts';
import { formatTcpAddress } from '../../../extension/src/p2p/transport/tcp-address.ts';
import type { TransportAddress } from '../../../extension/src/p2p/transport/transport.ts';
import { rejectionReason } from '../../support/reason.ts';
import { hostileDialer } from '../../support/hostile-dialer.ts';
import { closed, inState, LinkLab, next, type Person } from '../../support/link-lab.ts';

const request = (id: number, method: string, params: unknown = {}): object => ({ jsonrpc: '2.0', id, method, params });
const notification = (method: string, params: unknown): object => ({ jsonrpc: '2.0', method, params });
const SOME_MANIFEST = { session: '0'.repeat(32) };

let lab: LinkLab;
let servers: Server[];

beforeEach(() => {
  lab = new LinkLab(() => tcpTransport, '127.0.0.1');
  servers = [];
});
afterEach(() => {
  lab.dispose();
  for (const server of servers) server.close();
});

/** The next link that somebody dials to `person`. */
const arrival = (person: Person): Promise<Link> => next(person.host.onLink);

async function isAlive(person: Person): Promise<void> {
  const honest = await lab.person();
  const [link] = await lab.link(honest, person);
  expect(await link.control.request('ping', {})).toEqual({});
}

describe('a peer that breaks the control protocol loses its link, and nobody else notices [LI8]', () => {
  it.each([
    ['no JSON', Buffer.from('{"jsonrpc":'), 'protocol-violation'],
    ['JSON that is no JSON-RPC', { hello: 'world' }, 'protocol-violation'],
    ['a batch', [request(1, 'ping')], 'protocol-violation'],
    ['a request with malformed params', request(1, 'join', { session: 'x' }), 'protocol-violation'],
    ['a notification with malformed params', notification('waiting', { seconds: 'soon' }), 'protocol-violation'],
    [
      'a frame that is too large for a stranger',
      Buffer.alloc(MAX_UNADMITTED_FRAME_BYTES + 1, 0x20),
      'message-too-large',
    ],
    ['a notification that needs admission', notification('manifest', SOME_MANIFEST), 'not-admitted'],
  ])('%s', async (_, message, reason) => {
    const victim = await lab.person();
    const other = await lab.person();
    const [bystander] = await lab.link(other, victim);
    const arriving = arrival(victim);
    const hostile = await hostileDialer(victim);
    const link = await arriving;
    link.control.handleRequest('join', () => Promise.reject(new Error('not reached')));
    const end = closed(link);
    const told = new Promise<string>((resolve) => hostile.session.onClosed(({ message: text }) => resolve(text)));
    hostile.say(message);
    expect((await end).reason).toBe(reason);
    expect(await told).toContain(reason);
    expect(bystander.state).toBe('connected');
    expect(await bystander.control.request('ping', {})).toEqual({});
  });

  it('announces a frame of 4 GiB', async () => {
    const victim = await lab.person();
    const arriving = arrival(victim);
    const hostile = await hostileDialer(victim);
    const link = await arriving;
    link.admit();
    const end = closed(link);
    hostile.control.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect((await end).reason).toBe('message-too-large');
  });

  it('sends larger frames than an admitted peer may', async () => {
    const victim = await lab.person();
    const arriving = arrival(victim);
    const hostile = await hostileDialer(victim);
    const link = await arriving;
    link.admit();
    // Past the stranger's limit and within its own: refused for what it is, not for its size.
    const answered = new Promise((resolve) => hostile.control.on('data', resolve));
    hostile.say(request(1, 'nonsense', 'x'.repeat(MAX_UNADMITTED_FRAME_BYTES)));
    await answered;
    expect(link.state).toBe('connected');
    const end = closed(link);
    hostile.say(Buffer.alloc(MAX_CONTROL_FRAME_BYTES + 1, 0x20));
    expect((await end).reason).toBe('message-too-large');
  });

  it('floods', async () => {
    const victim = await lab.person();
    const arriving = arrival(victim);
    const hostile = await hostileDialer(victim);
    const end = closed(await arriving);
    for (let id = 0; id < 3_000; id++) hostile.say(request(id, 'ping'));
    expect((await end).reason).toBe('rate-limited');
  });

  it('answers a request with something else', async () => {
    const victim = await lab.person();
    const arriving = arrival(victim);
    const hostile = await hostileDialer(victim);
    const link = await arriving;
    const end = closed(link);
    const joining = link.control.request('join', { session: '0'.repeat(32) as never, name: 'V', addresses: [] });
    hostile.say({ jsonrpc: '2.0', id: 0, result: { roster: 'none' } });
    expect(await rejectionReason(joining)).toBe('protocol-violation');
    expect((await end).reason).toBe('protocol-violation');
  });

  it('sends more on a channel than its window allows [LI7]', async () => {
    const victim = await lab.person();
    const arriving = arrival(victim);
    const hostile = await hostileDialer(victim);
    const link = await arriving;
    link.admit();
    const broken = new Promise<Error>((resolve) =>
      link.onExec((_, stream) => {
        stream.on('error', resolve);
        return true;
      }),
    );
    const stream = await hostile.channels.openExec('x');
    // The library counts what the other side grants in a private field.
    const { channel } = stream as unknown as { channel: { remoteWindowSize: number } };
    channel.remoteWindowSize = 2 ** 31;
    stream.on('error', () => undefined);
    for (let sent = 0; sent < 8; sent++) stream.write(Buffer.alloc(1024 * 1024));
    expect(await broken).toMatchObject({ reason: 'protocol-violation' });
  });
});

describe('what a newer peer says is no violation [LI6]', () => {
  it('ignores unknown notifications and answers unknown requests', async () => {
    const victim = await lab.person();
    const arriving = arrival(victim);
    const hostile = await hostileDialer(victim);
    const link = await arriving;
    link.admit();
    const { heard } = hostile;
    hostile.say(notification('from-the-future', { x: 1 }));
    hostile.say(request(7, 'from-the-future'));
    hostile.say({ jsonrpc: '2.0', id: 99, result: 'to nothing' });
    hostile.say(request(8, 'ping', { later: true }));
    // The first frame is the hello.
    while (heard.length < 3) await once(hostile.control, 'data');
    expect(heard[1]).toMatchObject({ id: 7, error: { data: { reason: 'bad-request' } } });
    expect(heard[2]).toMatchObject({ id: 8, result: {} });
    expect(link.state).toBe('connected');
  });

  it('leaves requests past a limit undone, but answered', async () => {
    const victim = await lab.person();
    const arriving = arrival(victim);
    const hostile = await hostileDialer(victim);
    const link = await arriving;
    link.control.handleRequest('join', () => new Promise(() => undefined));
    const { heard } = hostile;
    const join = { session: '0'.repeat(32), name: 'x', addresses: [] };
    for (let id = 0; id < 33; id++) hostile.say(request(id, 'join', join));
    while (heard.length < 2) await once(hostile.control, 'data');
    expect(heard[1]).toMatchObject({ id: 32, error: { data: { reason: 'engine-busy' } } });
    hostile.close();
  });

  it('refuses channels it does not know, and a second control channel', async () => {
    const victim = await lab.person();
    const arriving = arrival(victim);
    const hostile = await hostileDialer(victim);
    const link = await arriving;
    link.admit();
    await expect(hostile.session.openChannel('direct-tcpip')).rejects.toThrow();
    await expect(hostile.session.openChannel('control@peerweave')).rejects.toThrow();
    expect(link.state).toBe('connected');
  });
});

describe('a peer that does not get through the handshake', () => {
  // Short, but long enough for an honest peer on a busy machine.
  const timings = { handshake: 1_500 };

  it.each([
    ['says nothing after authentication', null],
    ['says hello in another form', { version: 1 }],
    ['says hello as something else', Buffer.from('SSH-2.0-OpenSSH')],
  ])('is no link when it %s', async (_, hello) => {
    const victim = await lab.person({ timings });
    const hostile = await hostileDialer(victim, hello);
    const ended = new Promise<void>((resolve) => hostile.session.onClosed(() => resolve()));
    await ended;
    expect(victim.accepted).toEqual([]);
    await isAlive(victim);
  });

  it.each([
    ['nothing', []],
    ['a part of the preface', ['PW']],
    ['HTTP', ['GET / HTTP/1.1\r\nHost: x\r\n\r\n']],
    ['SSH without our preface', ['SSH-2.0-OpenSSH_9.2\r\n']],
    ['another version of the preface', ['PWL2N']],
    ['an unknown kind', ['PWL1?']],
    ['only the preface', ['PWL1N']],
    ['a frame that is none', ['PWL1N', '\xff\xff\xff\xff']],
    ['a huge SSH packet', ['PWL1N', '\x00\x00\x00\x19SSH-2.0-x_1\r\n\x7f\xff\xff\xff12345678']],
    ['endless lines before the SSH version', ['PWL1N', `\x00\x0f\x00\x00${'x'.repeat(0x0f0000)}`]],
    ['half a resume request', [`PWL1R${'x'.repeat(20)}`]],
  ])('is dropped when it sends %s', async (_, parts) => {
    const victim = await lab.person({ timings });
    const { stream } = await tcpTransport.dial(victim.addresses[0]!);
    for (const part of parts) stream.write(Buffer.from(part, 'latin1'));
    stream.resume();
    await new Promise((resolve) => stream.once('close', resolve).once('end', resolve));
    stream.destroy();
    expect(victim.accepted).toEqual([]);
    await isAlive(victim);
  });

  it('cannot keep others out by doing nothing, however often it connects', async () => {
    const victim = await lab.person({ maxUnauthenticated: 4 });
    const idle = await Promise.all(Array.from({ length: 20 }, () => tcpTransport.dial(victim.addresses[0]!)));
    await isAlive(victim);
    for (const { stream } of idle) stream.destroy();
  });

  it('harms nobody when it dies at any byte of it', async () => {
    const victim = await lab.person({ timings: { handshake: 2_000 } });
    const dialer = await lab.person({ timings: { handshake: 2_000, reconnectWindow: 50 } });
    const outcomes = new Set<string>();
    for (const bytes of [0, 3, 5, 9, 40, 200, 700, 1_000, 1_200, 1_400, 1_600, 1_800, 2_000, 2_300, 2_600, 3_000]) {
      const address = await cutAfter(victim.addresses[0]!, bytes);
      const outcome = await dialer.host.dial({ peer: victim.identity.peer, addresses: [address] }).then(
        () => 'linked',
        (error: unknown) => (error as { reason?: string }).reason ?? 'untyped',
      );
      outcomes.add(outcome);
    }
    expect([...outcomes].sort()).toEqual(expect.arrayContaining(['unreachable']));
    expect([...outcomes].filter((outcome) => !['linked', 'unreachable'].includes(outcome))).toEqual([]);
    await isAlive(victim);
  });
});

describe('a host that is none [SE3]', () => {
  it.each([
    ['hangs up', (socket: Socket) => socket.destroy()],
    ['says nothing', () => undefined],
    ['speaks HTTP', (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['never stops talking', (socket: Socket) => socket.write(Buffer.alloc(1024 * 1024, 0x61))],
  ])('is unreachable when it %s', async (_, behave) => {
    const address = await serve(behave);
    const dialer = await lab.person({ timings: { handshake: 200 } });
    const dialing = dialer.host.dial({ peer: createIdentity().peer, addresses: [address] });
    expect(await rejectionReason(dialing)).toBe('unreachable');
  });

  it('gets our key exchange and nothing else when its key is wrong', async () => {
    const impostor = await sshKeyPair(createIdentity());
    const seen: string[] = [];
    const address = await serve((socket) => {
      const stream = new ResumableStream();
      const session = new SshServerSession(createSshConfiguration());
      session.credentials = { publicKeys: [impostor] };
      session.onAuthenticating(() => seen.push('authentication'));
      session.onServiceActivated(() => seen.push('service'));
      session.onClosed(({ reason }) => seen.push(SshDisconnectReason[reason]));
      void readExactly(socket, PREFACE_BYTES).then(() => {
        stream.attach({ stream: socket, route: 'tcp', remote: 'x' });
        return session.connect(stream);
      });
    });
    const dialer = await lab.person();
    const dialing = dialer.host.dial({ peer: createIdentity().peer, addresses: [address] });
    expect(await rejectionReason(dialing)).toBe('host-key-mismatch');
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([SshDisconnectReason[SshDisconnectReason.hostKeyNotVerifiable]]);
  });
});

describe('authentication', () => {
  async function connectWith(victim: Person, config: SshSessionConfiguration): Promise<SshClientSession> {
    const pipe = await tcpTransport.dial(victim.addresses[0]!);
    pipe.stream.write(preface(KIND_NEW));
    const stream = new ResumableStream();
    stream.onLost(() => void stream.close());
    stream.attach(pipe);
    const session = new SshClientSession(config);
    session.onAuthenticating((args) => (args.authenticationPromise = Promise.resolve({})));
    await session.connect(stream);
    await session.authenticateServer();
    return session;
  }

  it('takes no session without security', async () => {
    const victim = await lab.person();
    await expect(connectWith(victim, new SshSessionConfiguration(false))).rejects.toThrow();
    expect(victim.accepted).toEqual([]);
    await isAlive(victim);
  });

  it.each([
    ['no credentials', async () => ({ username: 'root' })],
    ['a password', async () => ({ username: 'root', password: 'root' })],
    [
      'an RSA key',
      async () => ({ username: 'root', publicKeys: [await SshAlgorithms.publicKey.rsaWithSha256!.generateKeyPair()] }),
    ],
    [
      'a key of another curve',
      async () => ({
        username: 'root',
        publicKeys: [await SshAlgorithms.publicKey.ecdsaSha2Nistp384!.generateKeyPair()],
      }),
    ],
  ])('refuses %s', async (_, credentials) => {
    const victim = await lab.person();
    const offered = await credentials();
    const session = await connectWith(victim, new SshSessionConfiguration());
    const admitted = session.authenticateClient(offered).catch(() => false);
    const ended = new Promise<boolean>((resolve) => session.onClosed(() => resolve(false)));
    expect(await Promise.race([admitted, ended])).toBe(false);
    expect(victim.accepted).toEqual([]);
    session.dispose();
  });

  it('belongs to the key that was proven first, whatever comes after', async () => {
    const victim = await lab.person();
    const arriving = arrival(victim);
    const hostile = await hostileDialer(victim);
    const link = await arriving;
    const { peer } = link;
    const other = await sshKeyPair(createIdentity());
    const again = await hostile.session.authenticateClient({
      username: 'x',
      publicKeys: [other],
    });
    expect(again).toBe(false);
    expect(link.peer).toBe(peer);
  });
});

describe('resuming somebody else’s link [LI3]', () => {
  const resumeRequest = (linkId: Buffer): Buffer =>
    Buffer.concat([preface(KIND_RESUME), linkId, Buffer.alloc(NONCE_BYTES)]);

  it('is refused for a link that does not exist', async () => {
    const victim = await lab.person();
    const { stream } = await tcpTransport.dial(victim.addresses[0]!);
    stream.write(resumeRequest(Buffer.alloc(LINK_ID_BYTES)));
    const [answer] = (await once(stream, 'data')) as [Buffer];
    expect(answer.subarray(0, 1).toString()).toBe('X');
    stream.destroy();
  });

  it('takes the link’s secret; without it the link stays where it is', async () => {
    const [a, b] = [await lab.person(), await lab.person()];
    const [atA, atB] = await lab.link(a, b);
    const states: string[] = [];
    atB.onState((state) => states.push(state));
    const { stream } = await tcpTransport.dial(b.addresses[0]!);
    // Even one who knows the link's name, from watching the wire, has not its key.
    stream.write(resumeRequest(resumeSecret(atA.sessionBinding).linkId));
    const [answer] = (await once(stream, 'data')) as [Buffer];
    expect(answer.subarray(0, 1).toString()).toBe('Y');
    stream.write(Buffer.alloc(2 * POSITION_BYTES + MAC_BYTES));
    stream.resume();
    await new Promise((resolve) => stream.once('close', resolve).once('end', resolve));
    expect(states).toEqual([]);
    expect(await atA.control.request('ping', {})).toEqual({});
  });

  it('does not work the other way round: an impostor at the address is passed over', async () => {
    const [a, b] = [await lab.person({ timings: { handshake: 1_000 } }), await lab.person()];
    const [atA] = await lab.link(a, b);
    const impostor = await serve((socket) => {
      socket.resume();
      socket.write(Buffer.concat([Buffer.from('Y'), Buffer.alloc(1 + NONCE_BYTES + MAC_BYTES)]));
    });
    atA.updateAddresses([impostor, ...b.addresses]);
    a.network.cut();
    await inState(atA, 'reconnecting');
    await inState(atA, 'connected');
    expect(await atA.control.request('ping', {})).toEqual({});
  });
});

describe('a transport that meddles [LI1]', () => {
  it('breaks the link at worst, and never changes what arrives', async () => {
    const [a, b] = [
      await lab.person({ timings: { reconnectWindow: 200 } }),
      await lab.person({ timings: { reconnectWindow: 200 } }),
    ];
    const address = await meddling(b.addresses[0]!, 100_000);
    const arriving = arrival(b);
    const atA = await a.host.dial({ peer: b.identity.peer, addresses: [address] });
    const atB = await arriving;
    atB.admit();
    const received: Buffer[] = [];
    atB.onExec((_, stream) => {
      stream.on('data', (data: Buffer) => received.push(data)).on('error', () => undefined);
      return true;
    });
    const end = closed(atB);
    const stream = await atA.exec('x');
    stream.on('error', () => undefined);
    stream.write(Buffer.alloc(400_000, 0x61));
    expect(['protocol-violation', 'link-lost']).toContain((await end).reason);
    expect(Buffer.concat(received).every((byte) => byte === 0x61)).toBe(true);
  });
});

async function serve(onSocket: (socket: Socket) => void): Promise<TransportAddress> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return formatTcpAddress('127.0.0.1', (server.address() as AddressInfo).port);
}

/** A relay between a dialer and `target`, each chunk passed through `pass`. */
function relay(target: TransportAddress, pass: (data: Buffer, end: () => void) => Buffer): Promise<TransportAddress> {
  return serve((socket) => {
    void tcpTransport.dial(target).then(
      ({ stream }) => {
        const end = (): void => {
          socket.destroy();
          stream.destroy();
        };
        socket.on('data', (data) => stream.write(pass(data, end))).on('close', end);
        stream.on('data', (data: Buffer) => socket.write(pass(data, end))).on('close', end);
      },
      () => socket.destroy(),
    );
  });
}

/** Dies after so many bytes in all. */
function cutAfter(target: TransportAddress, bytes: number): Promise<TransportAddress> {
  let left = bytes;
  return relay(target, (data, end) => {
    const passed = data.subarray(0, left);
    left -= passed.length;
    if (left === 0) setImmediate(end);
    return passed;
  });
}

/** Flips one bit after so many bytes in all. */
function meddling(target: TransportAddress, after: number): Promise<TransportAddress> {
  let left = after;
  return relay(target, (data) => {
    left -= data.length;
    if (left < 0 && left + data.length >= 0) data[data.length - 1]! ^= 1;
    return data;
  });
}
