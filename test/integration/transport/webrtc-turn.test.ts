import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { LinkHost } from '../../../extension/src/p2p/link/link-host.ts';
import type { Pipe, Transport as TransportTier } from '../../../extension/src/p2p/transport/transport.ts';
import { webrtcTransport, type WebRtcOptions } from '../../../extension/src/p2p/transport/webrtc.ts';
import { Emitter } from '../../../extension/src/shared/events.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { Coturn, type CoturnOptions } from '../../support/coturn.ts';
import { next } from '../../support/link-lab.ts';
import { SignalingLab, type RoomMember } from '../../support/signaling-lab.ts';

const MIB = 1024 * 1024;

describe('WebRTC by way of a real TURN server', () => {
  const cleanUp: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const dispose of cleanUp.splice(0).reverse()) await dispose();
  });

  type Transport = 'udp' | 'tcp' | 'tls';

  /** Two in a room who have no address family in common: what goes between them goes through the TURN server, over `transport`. */
  async function setUp(transport: Transport, options: CoturnOptions = {}) {
    const coturn = await Coturn.start(options);
    cleanUp.push(() => coturn.dispose());
    const lab = await SignalingLab.start();
    cleanUp.push(() => lab.dispose());
    const [near, far] = (await lab.joined(2)) as [RoomMember, RoomMember];
    const tier = ({ signaling }: RoomMember, bindAddress: string, more: Partial<WebRtcOptions>): TransportTier =>
      webrtcTransport(signaling, { log: silentLogger, bindAddress, ca: coturn.ca, ...more });
    const address = far.signaling.self.tag;
    return {
      coturn,
      near: (more: Partial<WebRtcOptions> = {}) =>
        tier(near, '127.0.0.1', { iceServers: () => [coturn.entry(transport)], ...more }),
      far: (more: Partial<WebRtcOptions> = {}) =>
        tier(far, '::1', { iceServers: () => [coturn.entry(transport, '[::1]')], ...more }),
      address: { tier: 'webrtc', value: address } as const,
    };
  }

  async function connect({ near, far, address }: Awaited<ReturnType<typeof setUp>>): Promise<[Pipe, Pipe]> {
    const arriving = new Emitter<Pipe>();
    const accepted = next(arriving.event);
    await far().listen({ onPipe: (pipe) => arriving.fire(pipe) });
    return [await near().dial(address), await accepted];
  }

  it.each(['udp', 'tcp', 'tls'] as const)(
    'carries a pipe over %s both ways, and both call it TURN',
    async (transport) => {
      const [near, far] = await connect(await setUp(transport));
      expect([near.route, far.route]).toEqual(['webrtc-turn', 'webrtc-turn']);
      const sums = await Promise.all([move(near, far, 4), move(far, near, 4)]);
      for (const [sent, received] of sums) expect(received).toBe(sent);
    },
  );

  it('uses what the signaling server names, with credentials made by it', async () => {
    const coturn = await Coturn.start();
    cleanUp.push(() => coturn.dispose());
    const turn = { urls: [coturn.url('tcp')], secret: coturn.secret };
    const lab = await SignalingLab.start({ turn });
    cleanUp.push(() => lab.dispose());
    const [near, far] = (await lab.joined(2)) as [RoomMember, RoomMember];
    const options = { log: silentLogger, bindAddress: '127.0.0.1', relayOnly: true };
    await webrtcTransport(far.signaling, options).listen({ onPipe: ({ stream }) => stream.pipe(stream) });
    const { stream } = await webrtcTransport(near.signaling, options).dial({
      tier: 'webrtc',
      value: far.signaling.self.tag,
    });
    stream.end('there and back');
    expect(await text(stream)).toBe('there and back');
  });

  it('does not trust a server whose certificate nobody vouches for, and says so', async () => {
    const setting = await setUp('tls');
    await setting.far({ iceServers: () => [] }).listen({ onPipe: () => undefined });
    const dialing = setting.near({ ca: rootCertificates[0]! }).dial(setting.address, { timeoutMs: 6_000 });
    await expect(dialing).rejects.toMatchObject({ reason: 'unreachable' });
    await expect(dialing).rejects.toThrow(/turns:localhost:\d+: self-signed certificate/);
  });

  it.each(['tcp', 'tls'] as const)('closes the pipe at once when its TURN server over %s dies', async (transport) => {
    const setting = await setUp(transport);
    // What reaches `near` comes from the far side's TURN server; `near` hears of its end from whoever dials it again, or by silence.
    const [, { stream }] = await connect(setting);
    const why = new Promise((resolve) => stream.resume().once('error', resolve));
    await setting.coturn.kill();
    expect(await why).toMatchObject({ reason: 'link-lost', message: expect.stringContaining('turn') as string });
  });

  it('loses no byte of a link whose allocations run out while it works [LI3, LI4]', async () => {
    const setting = await setUp('udp', { maxLifetime: 5 });
    const identities = [createIdentity(), createIdentity()];
    const [a, b] = identities.map((identity, index) => {
      const transports = [index === 0 ? setting.near() : setting.far()];
      return new LinkHost({ identity, transports, log: silentLogger, software: 'test/1' });
    }) as [LinkHost, LinkHost];
    cleanUp.push(async () => [a, b].forEach((host) => host.dispose()));
    const { addresses } = await b.listen();
    const arriving = next(b.onLink);
    const atA = await a.dial({ peer: identities[1]!.peer, addresses });
    const atB = await arriving;
    atA.admit();
    atB.admit();
    let drops = 0;
    atA.onState((state) => (drops += state === 'reconnecting' ? 1 : 0));
    atB.onExec((_, stream) => {
      stream.pipe(stream);
      return true;
    });
    const stream = await atA.exec('echo');
    const [sent, received] = [createHash('sha256'), createHash('sha256')];
    stream.on('data', (data: Buffer) => received.update(data));
    while (drops < 2 || atA.state !== 'connected') {
      const piece = randomBytes(1_000);
      sent.update(piece);
      stream.write(piece);
      await delay(20);
    }
    stream.end();
    await once(stream, 'end');
    expect(received.digest('hex')).toBe(sent.digest('hex'));
  });
});

/** Sends so many MiB from one end to the other; the hashes of what went and what came. */
async function move(from: Pipe, to: Pipe, mib: number): Promise<[string, string]> {
  const [sent, received] = [createHash('sha256'), createHash('sha256')];
  const sending = (async () => {
    for (let i = 0; i < mib; i++) {
      const piece = randomBytes(MIB);
      sent.update(piece);
      if (!from.stream.write(piece)) await once(from.stream, 'drain');
    }
    from.stream.end();
  })();
  for await (const data of to.stream) received.update(data as Buffer);
  await sending;
  return [sent.digest('hex'), received.digest('hex')];
}
