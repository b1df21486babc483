import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deriveRoomKeys } from '../../../extension/src/p2p/signaling/room-keys.ts';
import { sealBody } from '../../../extension/src/p2p/signaling/sealed-body.ts';
import type { Meeting, SignalFrom, SignalMessage } from '../../../extension/src/p2p/signaling/signaling.ts';
import type { SignalingClient } from '../../../extension/src/p2p/signaling/signaling-client.ts';
import type { RoomPeer, ServerMessage } from '../../../extension/src/p2p/signaling/wire/messages.ts';
import { settle } from '../../support/manual-clock.ts';
import { rejectionReason } from '../../support/reason.ts';
import { FakeServers, id, joined, peer } from './fake-server.ts';

const keys = deriveRoomKeys(new Uint8Array(16));
const offer: SignalMessage = { kind: 'offer', attempt: id('x'), sdp: 'v=0' };

describe('a server that does as it likes', () => {
  let servers: FakeServers;
  beforeEach(() => (servers = new FakeServers()));
  afterEach(() => servers.dispose());

  let sequence = 0;
  const signal = (from: RoomPeer, to: RoomPeer, message: SignalMessage = offer): ServerMessage => {
    const body = sealBody(keys.bodyKey, { room: keys.room, from, to }, ++sequence, message)!;
    return { type: 'signal', from: from.peer, body };
  };
  const hear = (client: SignalingClient): SignalFrom[] => {
    const heard: SignalFrom[] = [];
    client.onMessage((message) => heard.push(message));
    return heard;
  };
  const inRoomWith = (...peers: RoomPeer[]): Promise<SignalingClient> => {
    servers.answer('one', joined(...peers));
    return servers.joinedClient();
  };

  it('is heard from the very packet in which it lets us in', async () => {
    servers.answer('one', 'mute');
    const client = servers.client(['wss://one']);
    const heard = hear(client);
    await settle();
    servers.socket.say(joined(peer('a')), signal(peer('a'), { ...servers.socket.join }), {
      type: 'peer-joined',
      ...peer('b'),
    });
    expect(client.peers).toEqual([peer('a'), peer('b')]);
    expect(heard).toEqual([{ from: peer('a'), message: offer }]);
  });

  it('cannot add, remove or rename members in ways that matter', async () => {
    const client = await inRoomWith(peer('a'), peer('a'), peer('c'));
    const { socket } = servers;
    socket.say({ type: 'peer-joined', ...client.self }, { type: 'peer-joined', peer: client.self.peer, tag: id('z') });
    expect(client.peers).toEqual([peer('a'), peer('c')]);
    socket.say({ type: 'peer-left', peer: id('q') }, { type: 'peer-left', peer: client.self.peer });
    expect(client.peers).toHaveLength(2);
    // Who is renamed cannot be understood any more, for what was sealed names both.
    const heard = hear(client);
    socket.say({ type: 'peer-joined', peer: peer('a').peer, tag: id('B') }, signal(peer('a'), client.self));
    expect(heard).toEqual([]);
    expect(client.state).toBe('joined');
  });

  it('cannot replay to a member that left and came, by its word', async () => {
    const client = await inRoomWith(peer('a'));
    const heard = hear(client);
    const first = signal(peer('a'), client.self);
    const { socket } = servers;
    socket.say(first, { type: 'peer-left', peer: id('a') }, { type: 'peer-joined', ...peer('a') }, first);
    expect(heard).toHaveLength(1);
    socket.say(joined(peer('a')), first);
    expect(heard).toHaveLength(1);
    expect(servers.log.filter((line) => line.includes('replayed'))).toHaveLength(1);
  });

  it('is not believed when it speaks for somebody who is not there', async () => {
    const client = await inRoomWith();
    const heard = hear(client);
    servers.socket.say(signal(peer('a'), client.self));
    expect(heard).toEqual([]);
  });

  it('may say what this version does not know [LI6]', async () => {
    const client = await inRoomWith();
    for (let i = 0; i < 1_000; i++) servers.socket.sayRaw('{"type":"weather","is":"fine"}');
    expect(client.state).toBe('joined');
  });

  it.each<[string, string | Buffer, boolean]>([
    ['no JSON', '{', false],
    ['JSON of nothing', 'null', false],
    ['a list', '[]', false],
    ['a known type with wrong fields', '{"type":"peer-joined","peer":"x"}', false],
    ['no type', '{}', false],
    ['binary frames', Buffer.alloc(100), true],
    ['empty frames', '', false],
    ['deep nesting', '['.repeat(30_000), false],
    ['a reason that is none', '{"type":"error","reason":"because","message":"","fatal":true}', false],
    ['too many peers', JSON.stringify({ ...joined(), peers: Array.from({ length: 1001 }, () => peer('a')) }), false],
  ])('[LI8] loses its connection when it goes on sending %s, and nothing else', async (_, text, isBinary) => {
    const client = await inRoomWith(peer('a'));
    const { socket } = servers;
    for (let i = 0; i < 20; i++) socket.sayRaw(text, isBinary);
    expect(client.state).toBe('joined');
    socket.sayRaw(text, isBinary);
    expect(socket.isOpen).toBe(false);
    expect(client.state).toBe('connecting');
    expect(client.problem).toContain('no signaling server');
    for (let i = 0; i < 100; i++) socket.sayRaw(text, isBinary);
    await servers.clock.advance(1_000);
    expect(client.state).toBe('joined');
    expect(servers.sockets).toHaveLength(2);
  });

  it.each<[string, number, () => void]>([
    ['messages', 20_000, () => servers.socket.say({ type: 'peer-left', peer: id('q') })],
    ['presence', 20_000, () => servers.socket.say({ type: 'peer-joined', ...random() })],
    ['bytes', 1_000, () => servers.socket.sayRaw(`{"type":"${'x'.repeat(60_000)}"}`)],
  ])('[LI8] loses its connection when it floods with %s; memory stays flat', async (_, count, flood) => {
    const client = await inRoomWith();
    client.announce([{ tier: 'tcp', value: '192.0.2.1:1' }]);
    const { socket } = servers;
    let most = 0;
    for (let i = 0; i < count && socket.isOpen; i++) {
      flood();
      most = Math.max(most, client.peers.length);
    }
    expect(socket.isOpen).toBe(false);
    expect(client.problem).toContain('far more than there is to say');
    expect(most).toBeLessThanOrEqual(1_000);
    // What was to be answered is limited too.
    expect(socket.sent.length).toBeLessThanOrEqual(802);
  });

  it('[LI8] is dropped when it does not read what it is sent', async () => {
    const client = await inRoomWith(peer('a'));
    servers.socket.bufferedAmount = 2 * 1024 * 1024;
    client.send(peer('a'), offer);
    expect(client.state).toBe('connecting');
  });

  it('[LI8] may pass on a member’s flood, which costs that member’s messages only', async () => {
    const client = await inRoomWith(peer('a'), peer('b'));
    const heard = hear(client);
    for (let i = 0; i < 2_000; i++) servers.socket.say(signal(peer('a'), client.self));
    servers.socket.say(signal(peer('b'), client.self));
    expect(heard.filter(({ from }) => from.peer === id('a'))).toHaveLength(400);
    expect(heard.at(-1)?.from).toEqual(peer('b'));
    await servers.clock.advance(1_000);
    servers.socket.say(signal(peer('a'), client.self));
    expect(heard.at(-1)?.from).toEqual(peer('a'));
  });

  it('cannot make a listener’s mistake its own, or another’s', async () => {
    const client = await inRoomWith(peer('a'));
    client.onMessage(() => {
      throw new Error('a mistake');
    });
    const heard = hear(client);
    servers.socket.say(signal(peer('a'), client.self));
    expect(heard).toHaveLength(1);
    expect(client.state).toBe('joined');
    expect(servers.log.join()).toContain('a mistake');
  });

  it('is sent no more at once than servers take, in order, and the rest in time', async () => {
    const client = await inRoomWith(peer('a'));
    for (let i = 0; i < 1_000; i++) client.send(peer('a'), offer);
    expect(servers.socket.sent).toHaveLength(1 + 800);
    await servers.clock.advance(5_000);
    expect(servers.socket.sent).toHaveLength(1 + 1_000);
    for (let i = 0; i < 20_000; i++) client.send(peer('a'), offer);
    servers.socket.emit('ping');
    await servers.clock.advance(30_000);
    // What could not be sent within some seconds was dropped.
    expect(servers.socket.sent.length).toBeLessThan(1 + 1_000 + 400 + 1_000 + 20);
  });

  describe('when it is to arrange a meeting', () => {
    const meetings = (client: SignalingClient): Meeting[] => {
      const seen: Meeting[] = [];
      client.onMeeting((meeting) => seen.push(meeting));
      return seen;
    };
    const meeting = (over: Partial<Extract<ServerMessage, { type: 'meeting' }>> = {}): ServerMessage => ({
      type: 'meeting',
      with: id('a'),
      session: id('s'),
      ticket: id('t'),
      ...over,
    });

    it('is asked, and heard when others asked', async () => {
      const client = await inRoomWith(peer('a'));
      const seen = meetings(client);
      const asked = client.meet(peer('a'));
      await settle();
      servers.socket.say(meeting({ request: 0 }), meeting({ session: id('u'), url: 'wss://node-2.example.org' }));
      const own = { with: peer('a'), self: client.self.peer, ticket: id('t') };
      expect(await asked).toEqual({ ...own, session: id('s'), url: 'wss://one/' });
      expect(seen).toEqual([{ ...own, session: id('u'), url: 'wss://node-2.example.org/' }]);
    });

    it('cannot send us to strange places, name two meetings alike, or one with nobody', async () => {
      const client = await inRoomWith(peer('a'));
      const seen = meetings(client);
      servers.socket.say(
        meeting({ url: 'ws://node-2.example.org' }),
        meeting({ url: 'wss://127.0.0.1:6379' }),
        meeting({ with: id('q') }),
        meeting({ with: client.self.peer }),
        meeting({ request: 17 }),
      );
      expect(seen).toEqual([]);
      servers.socket.say(meeting({ session: id('v') }), meeting({ session: id('v') }));
      expect(seen).toHaveLength(1);
      const asked = rejectionReason(client.meet(peer('a')));
      await settle();
      servers.socket.say(meeting({ session: id('v'), request: 0 }));
      expect(await asked).toBe('unreachable');
    });

    it('cannot have us meet somebody else than we asked for', async () => {
      const client = await inRoomWith(peer('a'), peer('b'));
      const asked = rejectionReason(client.meet(peer('a')));
      await settle();
      servers.socket.say(meeting({ with: id('b'), request: 0 }));
      expect(await asked).toBe('unreachable');
    });

    it.each<[ServerMessage & { type: 'error' }, string]>([
      [{ type: 'error', reason: 'peer-unknown', message: '', fatal: false, request: 0 }, 'unreachable'],
      [{ type: 'error', reason: 'rate-limited', message: '', fatal: false, request: 0 }, 'rate-limited'],
    ])('may refuse: %j', async (error, reason) => {
      const client = await inRoomWith(peer('a'));
      const asked = rejectionReason(client.meet(peer('a')));
      await settle();
      servers.socket.say(error);
      expect(await asked).toBe(reason);
      expect(client.state).toBe('joined');
    });

    it('may not answer, go away, or take too long for whoever asked', async () => {
      const client = await inRoomWith(peer('a'));
      const silent = rejectionReason(client.meet(peer('a')));
      await servers.clock.advance(10_000);
      expect(await silent).toBe('unreachable');
      const abort = new AbortController();
      const impatient = rejectionReason(client.meet(peer('a'), abort.signal));
      const lost = rejectionReason(client.meet(peer('a')));
      await settle();
      abort.abort();
      expect(await impatient).toBe('cancelled');
      servers.socket.drop();
      expect(await lost).toBe('signaling-unreachable');
    });

    it('is not asked for more than a few at a time', async () => {
      const client = await inRoomWith(peer('a'));
      const asked = Array.from({ length: 65 }, () => rejectionReason(client.meet(peer('a'))));
      expect(await asked.at(-1)).toBe('rate-limited');
      client.dispose();
      expect(new Set(await Promise.all(asked.slice(0, 64)))).toEqual(new Set(['signaling-unreachable']));
    });
  });

  describe('when it names ICE servers', () => {
    const turn = { urls: ['turn:turn.example.org:3478?transport=udp'], username: 'u', credential: 'c' };
    const stun = { urls: ['stun:stun.example.org:3478'] };

    it('is asked anew only when the credentials run out', async () => {
      servers.answer('one', { type: 'joined', peers: [], ice: [turn, stun], iceSeconds: 3_600 });
      const client = await servers.joinedClient(['wss://one'], { timings: { silenceMs: 1e9 } });
      expect(await client.iceServers()).toEqual([turn, stun]);
      await servers.clock.advance(3_299_000);
      expect(await client.iceServers()).toEqual([turn, stun]);
      expect(servers.socket.sent).toHaveLength(1);
      await servers.clock.advance(1_000);
      const both = Promise.all([client.iceServers(), client.iceServers()]);
      await settle();
      expect(servers.socket.sent.slice(1)).toEqual([{ type: 'ice' }]);
      const fresh = { ...turn, credential: 'd' };
      servers.socket.say({ type: 'ice', ice: [fresh], iceSeconds: 3_600 });
      expect(await both).toEqual([[fresh], [fresh]]);
    });

    it('may not answer: then what is still good is used, and nothing that has run out', async () => {
      servers.answer('one', { type: 'joined', peers: [], ice: [turn, stun], iceSeconds: 3_600 });
      const client = await servers.joinedClient(['wss://one'], { timings: { silenceMs: 1e9 } });
      await servers.clock.advance(3_400_000);
      const good = client.iceServers();
      await servers.clock.advance(10_000);
      expect(await good).toEqual([turn, stun]);
      await servers.clock.advance(1_000_000);
      const old = client.iceServers();
      await servers.clock.advance(10_000);
      expect(await old).toEqual([stun]);
    });

    it('has those left out that are none', async () => {
      const bad = ['http://x', 'turn:', 'turn:x y', 'stun:x?transport=sctp', 'turn:me@x', 'javascript:1'];
      const ice = [stun, ...bad.map((url) => ({ urls: [url] }))];
      servers.answer('one', { type: 'joined', peers: [], ice, iceSeconds: 0 });
      const client = await servers.joinedClient();
      expect(await client.iceServers()).toEqual([stun]);
    });
  });
});

let made = 0;
const random = (): RoomPeer => ({ peer: String(++made).padStart(22, 'r'), tag: id('T') });
