import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { SignalingClient } from '../../../extension/src/p2p/signaling/signaling-client.ts';
import type { MeetingTransport } from '../../../extension/src/p2p/transport/meeting-transport.ts';
import type { Pipe } from '../../../extension/src/p2p/transport/transport.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import type { RunningServer } from '../../../server/options.ts';
import { startServer } from '../../../server/server.ts';
import { readAll } from '../../support/read-all.ts';
import { meetingTransport, type MeetingTierName } from '../../support/meeting-fixture.ts';
import { RedisServer } from '../../support/redis-server.ts';
import { seesPeers } from '../../support/signaling-lab.ts';

describe.each<MeetingTierName>(['relay', 'json'])('%s between members of one room at two nodes', (tier) => {
  let redis: RedisServer;
  let nodes: RunningServer[];
  let members: SignalingClient[];
  let transports: MeetingTransport[];

  beforeEach(async () => {
    redis = await RedisServer.start();
    nodes = [await startServer({ redis: redis.url }), await startServer({ redis: redis.url })];
    const secret = randomBytes(16);
    members = nodes.map(
      ({ url }) => new SignalingClient({ urls: [url], secret, peer: createIdentity().peer, log: silentLogger }),
    );
    await Promise.all(members.map((member) => seesPeers(member, 1)));
    transports = members.map((signaling) => meetingTransport(tier, { signaling }));
  });

  afterEach(async () => {
    for (const each of [...transports, ...members]) each.dispose();
    await Promise.all(nodes.map((node) => node.close({ drainMs: 0 })));
    await redis.dispose();
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('meets at the node of whoever dials: %i dials %i', async (from, to) => {
    const [dialer, listener] = [transports[from]!, transports[to]!];
    const accepted = Promise.withResolvers<Pipe>();
    const { addresses } = await listener.listen({ onPipe: accepted.resolve });
    const near = await dialer.dial(addresses[0]!);
    const far = await accepted.promise;
    const sent = randomBytes(300_000);
    near.stream.end(sent);
    far.stream.end(sent);
    const [there, back] = await Promise.all([readAll(far.stream), readAll(near.stream)]);
    expect(there.equals(sent) && back.equals(sent)).toBe(true);
    expect([near.remote, far.remote]).toEqual([new URL(nodes[from]!.url).host, new URL(nodes[from]!.url).host]);
  });
});
