import type { Socket } from 'node:net';
import {
  SshAlgorithms,
  SshClientSession,
  SshDisconnectReason,
  SshServerSession,
  SshSessionConfiguration,
} from '@microsoft/dev-tunnels-ssh';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { readExactly } from '../../../extension/src/p2p/link/read-exactly.ts';
import { ResumableStream } from '../../../extension/src/p2p/link/resumable-stream.ts';
import { KIND_NEW, preface, PREFACE_BYTES } from '../../../extension/src/p2p/link/resume-wire.ts';
import { createSshConfiguration } from '../../../extension/src/p2p/link/ssh-config.ts';
import { sshKeyPair } from '../../../extension/src/p2p/link/ssh-session.ts';
import { tcpTransport } from '../../../extension/src/p2p/transport/tcp.ts';
import { FalseHosts } from '../../support/false-hosts.ts';
import { hostileDialer } from '../../support/hostile-dialer.ts';
import { arrival, LinkLab, type Person } from '../../support/link-lab.ts';
import { rejectionReason } from '../../support/reason.ts';

const hosts = new FalseHosts();
let lab: LinkLab;

beforeEach(() => {
  lab = new LinkLab(() => tcpTransport, '127.0.0.1');
});
afterEach(() => {
  lab.dispose();
  hosts.close();
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
    await lab.isAlive(victim);
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
    await lab.isAlive(victim);
  });

  it('cannot keep others out by doing nothing, however often it connects', async () => {
    const victim = await lab.person({ maxUnauthenticated: 4 });
    const idle = await Promise.all(Array.from({ length: 20 }, () => tcpTransport.dial(victim.addresses[0]!)));
    await lab.isAlive(victim);
    for (const { stream } of idle) stream.destroy();
  });

  it('harms nobody when it dies at any byte of it', async () => {
    const victim = await lab.person({ timings: { handshake: 2_000 } });
    const dialer = await lab.person({ timings: { handshake: 2_000, reconnectWindow: 50 } });
    const outcomes = new Set<string>();
    for (const bytes of [0, 3, 5, 9, 40, 200, 700, 1_000, 1_200, 1_400, 1_600, 1_800, 2_000, 2_300, 2_600, 3_000]) {
      const address = await hosts.cutAfter(victim.addresses[0]!, bytes);
      const outcome = await dialer.host.dial({ peer: victim.identity.peer, addresses: [address] }).then(
        () => 'linked',
        (error: unknown) => (error as { reason?: string }).reason ?? 'untyped',
      );
      outcomes.add(outcome);
    }
    expect([...outcomes].sort()).toEqual(expect.arrayContaining(['unreachable']));
    expect([...outcomes].filter((outcome) => !['linked', 'unreachable'].includes(outcome))).toEqual([]);
    await lab.isAlive(victim);
  });
});

describe('a host that is none [SE3]', () => {
  it.each([
    ['hangs up', (socket: Socket) => socket.destroy()],
    ['says nothing', () => undefined],
    ['speaks HTTP', (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['never stops talking', (socket: Socket) => socket.write(Buffer.alloc(1024 * 1024, 0x61))],
  ])('is unreachable when it %s', async (_, behave) => {
    const address = await hosts.serve(behave);
    const dialer = await lab.person({ timings: { handshake: 200 } });
    const dialing = dialer.host.dial({ peer: createIdentity().peer, addresses: [address] });
    expect(await rejectionReason(dialing)).toBe('unreachable');
  });

  it('gets our key exchange and nothing else when its key is wrong', async () => {
    const impostor = await sshKeyPair(createIdentity());
    const seen: string[] = [];
    const address = await hosts.serve((socket) => {
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
    await lab.isAlive(victim);
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
