import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { deriveRoomKeys } from '../../../extension/src/p2p/signaling/room-keys.ts';
import type { Meeting, SignalFrom } from '../../../extension/src/p2p/signaling/signaling.ts';
import { next } from '../../support/link-lab.ts';
import { rejectionReason } from '../../support/reason.ts';
import { ServerClient } from '../../support/server-client.ts';
import { seesPeers, SignalingLab } from '../../support/signaling-lab.ts';

describe('a room on a signaling server', () => {
  let lab: SignalingLab | undefined;
  afterEach(async () => lab?.dispose());

  const start = async (...options: Parameters<typeof SignalingLab.start>): Promise<SignalingLab> =>
    (lab = await SignalingLab.start(...options));

  it('[SE2] shows members each other by tags that only members can tell', async () => {
    const [ann, bob] = await (await start()).joined(2);
    expect(ann!.signaling.peers).toEqual([bob!.signaling.self]);
    expect(bob!.signaling.self.tag).toBe(ann!.signaling.tagOf(bob!.peer));
    expect(bob!.signaling.state).toBe('joined');
    expect(bob!.signaling.problem).toBeUndefined();
    const stranger = lab!.member({ secret: new Uint8Array(16) });
    await stranger.signaling.joined();
    expect(stranger.signaling.peers).toEqual([]);
    expect(stranger.signaling.tagOf(bob!.peer)).not.toBe(bob!.signaling.self.tag);
  });

  it('carries sealed messages from one to one other, in order', async () => {
    const [ann, bob, eve] = await (await start()).joined(3);
    const heard: SignalFrom[] = [];
    eve!.signaling.onMessage((message) => heard.push(message));
    const attempts = Array.from({ length: 20 }, (_, index) => String(index).padStart(22, 'A'));
    const received: string[] = [];
    const all = next(bob!.signaling.onMessage, ({ from, message }) => {
      expect(from).toEqual(ann!.signaling.self);
      if (message.kind === 'offer') received.push(message.attempt);
      return received.length === attempts.length;
    });
    for (const attempt of attempts) ann!.signaling.send(bob!.signaling.self, { kind: 'offer', attempt, sdp: 'v=0' });
    await all;
    expect(received).toEqual(attempts);
    expect(heard).toEqual([]);
  });

  it('tells everybody, and whoever comes, where a member can be reached, and again when that changes', async () => {
    const [ann, bob] = await (await start()).joined(2);
    const here = (value: string) => ({
      message: { kind: 'here', peer: ann!.peer, addresses: [{ tier: 'tcp', value }] },
    });
    const first = next(bob!.signaling.onMessage);
    ann!.signaling.announce([{ tier: 'tcp', value: '192.0.2.1:1' }]);
    expect(await first).toMatchObject(here('192.0.2.1:1'));
    const second = next(bob!.signaling.onMessage);
    ann!.signaling.announce([{ tier: 'tcp', value: '192.0.2.2:2' }]);
    expect(await second).toMatchObject(here('192.0.2.2:2'));
    const late = lab!.member();
    expect(await next(late.signaling.onMessage)).toMatchObject(here('192.0.2.2:2'));
  });

  it('notices when somebody leaves, and quietly says nothing to them any more', async () => {
    const [ann, bob] = await (await start()).joined(2);
    const gone = bob!.signaling.self;
    const left = next(ann!.signaling.onPeers);
    bob!.signaling.dispose();
    await left;
    expect(ann!.signaling.peers).toEqual([]);
    ann!.signaling.send(gone, { kind: 'refuse', attempt: 'A'.repeat(22), message: '' });
    expect(await rejectionReason(ann!.signaling.meet(gone))).toBe('unreachable');
    expect(bob!.signaling.state).toBe('closed');
    expect(await rejectionReason(bob!.signaling.joined())).toBe('cancelled');
  });

  it('arranges meetings, with a key that both ends have', async () => {
    const [ann, bob] = await (await start()).joined(2);
    const offered = next(bob!.signaling.onMeeting);
    const asked: Meeting = await ann!.signaling.meet(bob!.signaling.self);
    const met = await offered;
    expect(asked.session).toBe(met.session);
    expect(asked.ticket).not.toBe(met.ticket);
    expect(asked).toMatchObject({ with: bob!.signaling.self, self: ann!.signaling.self.peer });
    expect(met).toMatchObject({ with: ann!.signaling.self, self: bob!.signaling.self.peer });
    expect(ann!.signaling.meetingKey(asked)).toEqual(bob!.signaling.meetingKey(met));
    const again = await ann!.signaling.meet(bob!.signaling.self);
    expect(ann!.signaling.meetingKey(again)).not.toEqual(ann!.signaling.meetingKey(asked));
    const [near, far] = await Promise.all([ann!.signaling.openMeeting(asked), bob!.signaling.openMeeting(met)]);
    const answers = [near, far].map(async (socket) => {
      const [data] = (await once(socket, 'message')) as [Buffer];
      return JSON.parse(data.toString()) as unknown;
    });
    expect(await Promise.all(answers)).toMatchObject([
      { type: 'attached', session: asked.session },
      { type: 'attached', session: asked.session },
    ]);
    near.close();
    far.close();
  });

  it('[LI8] a member that floods or talks nonsense loses its own connection at most; the others go on', async () => {
    const [ann, bob] = await (await start()).joined(2);
    const { room } = deriveRoomKeys(lab!.secret);
    const mallory = await ServerClient.join(lab!.server.url, room);
    await seesPeers(ann!.signaling, 2);
    const heard: SignalFrom[] = [];
    ann!.signaling.onMessage((message) => heard.push(message));
    const bodies = ['x', 'A'.repeat(60 * 1024), 'AQAAAAAAAAAA'.repeat(20), '=', '\u0000'];
    for (let i = 0; mallory.closeCode === undefined && i < 5_000; i++) {
      mallory.send({ type: 'signal', to: ann!.signaling.self.peer, body: bodies[i % bodies.length]! });
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await mallory.refusal()).reason).toBe('rate-limited');
    const told = next(ann!.signaling.onMessage);
    bob!.signaling.announce([{ tier: 'tcp', value: '192.0.2.1:1' }]);
    expect((await told).from).toEqual(bob!.signaling.self);
    expect(heard).toHaveLength(1);
    expect(ann!.signaling.state).toBe('joined');
    await mallory.close();
  });

  it('sees everybody in a full room, and everybody hears of everybody', async () => {
    const members = await (await start({ limits: { connectionsPerAddress: 100 } })).joined(50);
    const heard = members.map(({ signaling }) => {
      const from = new Set<string>();
      return next(signaling.onMessage, (message) => from.add(message.from.peer).size === 49);
    });
    for (const { signaling } of members) signaling.announce([{ tier: 'tcp', value: '192.0.2.1:1' }]);
    await Promise.all(heard);
    await seesPeers(members[0]!.signaling, 49);
  });
});
