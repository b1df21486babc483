import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MeetingTransport } from '../../../extension/src/p2p/transport/meeting-transport.ts';
import type { Pipe } from '../../../extension/src/p2p/transport/transport.ts';
import { RELAY_HEADER_BYTES } from '../../../extension/src/p2p/signaling/wire/relay-frame.ts';
import { readAll } from '../../support/read-all.ts';
import { meetingTransport, type MeetingTierName } from '../../support/meeting-fixture.ts';
import { BreakablePath, Middlebox, passOn, type Rule } from '../../support/middlebox.ts';
import { rejectionReason } from '../../support/reason.ts';
import { seesPeers, SignalingLab } from '../../support/signaling-lab.ts';

/** Long for anything on this machine, and short for a test that waits for it. */
const PROBE_MS = 2_500;
const FOR_EVER_MS = 600_000;

let lab: SignalingLab;
let middlebox: Middlebox;
let path: BreakablePath;
const transports: MeetingTransport[] = [];
const streams: Duplex[] = [];

beforeEach(async () => {
  lab = await SignalingLab.start();
  middlebox = await Middlebox.before(lab.server.url);
  path = await BreakablePath.before(lab.server.url);
});

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.destroy();
  for (const transport of transports.splice(0)) transport.dispose();
  await lab.dispose();
  await Promise.all([middlebox.dispose(), path.dispose()]);
});

/** Two members on one tier, the dialer behind what is in front of the server. */
async function pairOf(
  tier: MeetingTierName,
  { url = middlebox.url, probeMs = PROBE_MS, timeoutMs = 20_000 } = {},
): Promise<{ dial: () => Promise<Pipe>; accepted: Pipe[] }> {
  const [near, far] = [lab.member({ urls: [url] }), lab.member()];
  await Promise.all([seesPeers(near.signaling, 1), seesPeers(far.signaling, 1)]);
  const [dialer, listener] = [near, far].map(({ signaling }) => meetingTransport(tier, { signaling, probeMs })) as [
    MeetingTransport,
    MeetingTransport,
  ];
  transports.push(dialer, listener);
  const accepted: Pipe[] = [];
  const { addresses } = await listener.listen({
    onPipe: (pipe) => {
      accepted.push(pipe);
      streams.push(pipe.stream);
    },
  });
  const dial = async (): Promise<Pipe> => {
    const pipe = await dialer.dial(addresses[0]!, { timeoutMs });
    streams.push(pipe.stream);
    return pipe;
  };
  return { dial, accepted };
}

/** A pipe and its other end. */
async function open(pair: Awaited<ReturnType<typeof pairOf>>): Promise<[Duplex, Duplex]> {
  const count = pair.accepted.length;
  const near = await pair.dial();
  while (pair.accepted.length === count) await new Promise((resolve) => setImmediate(resolve));
  return [near.stream, pair.accepted[count]!.stream];
}

async function carries([near, far]: [Duplex, Duplex]): Promise<void> {
  const sent = randomBytes(200_000);
  near.end(sent);
  far.end(sent);
  const [there, back] = await Promise.all([readAll(far), readAll(near)]);
  expect(there.equals(sent) && back.equals(sent)).toBe(true);
}

async function failureOf(stream: Duplex): Promise<unknown> {
  if (!stream.closed) await once(stream, 'close').catch(() => undefined);
  return stream.errored;
}

const flipped = (message: Buffer, at: number): Buffer => {
  const copy = Buffer.from(message);
  copy[at]! ^= 0x10;
  return copy;
};

const isData = (message: Buffer): boolean => message.subarray(0, 14).toString() === '{"type":"data"';

const onBinary =
  (act: Rule): Rule =>
  (passing) =>
    passing.binary ? act(passing) : passOn(passing);
const onData =
  (act: Rule): Rule =>
  (passing) =>
    !passing.binary && isData(passing.message) ? act(passing) : passOn(passing);

describe('a middlebox that does not let binary frames through as they are', () => {
  it.each<[string, Rule]>([
    ['drops them', onBinary(() => [])],
    ['drops them on the way up', onBinary((passing) => (passing.up ? [] : [passing.message]))],
    ['drops them on the way down', onBinary((passing) => (passing.up ? [passing.message] : []))],
    ['flips a bit of each', onBinary(({ message }) => [flipped(message, message.length - 1)])],
    ['flips a bit of each header', onBinary(({ message }) => [flipped(message, 5)])],
    ['sends each twice', onBinary(({ message }) => [message, message])],
    ['cuts each short', onBinary(({ message }) => [message.subarray(0, message.length - 1)])],
    ['leaves nothing but a few bytes', onBinary(({ message }) => [message.subarray(0, 9)])],
    ['takes the eighth bit of each byte', onBinary(({ message }) => [Buffer.from(message.map((byte) => byte & 0x7f))])],
    ['closes on them', onBinary(() => 'close')],
  ])('%s: relay says so, JSON serves, and the room stays', async (_, rule) => {
    const [relay, json] = [await pairOf('relay'), await pairOf('json')];
    middlebox.rule = rule;
    // Which one depends on which of the two sides is the first to see a frame that is not as it was sent.
    expect(['unreachable', 'transport-corrupt']).toContain(await rejectionReason(relay.dial()));
    expect(relay.accepted).toEqual([]);
    await carries(await open(json));
    middlebox.rule = passOn;
    await carries(await open(relay));
  });

  it('a connection that is closed over them fails at once, without waiting for a probe', async () => {
    const relay = await pairOf('relay', { probeMs: FOR_EVER_MS, timeoutMs: FOR_EVER_MS });
    middlebox.rule = onBinary(() => 'close');
    expect(await rejectionReason(relay.dial())).toBe('unreachable');
  });
});

describe('a middlebox that does not let text through as it is', () => {
  it.each<[string, Rule]>([
    ['drops data', onData(() => [])],
    ['changes a character of the data', onData(({ message }) => [flipped(message, message.length - 40)])],
    ['swaps the case', onData(({ message }) => [Buffer.from(swapCase(message.toString()))])],
    ['cuts it short', onData(({ message }) => [message.subarray(0, message.length - 10)])],
    ['closes on it', onData(() => 'close')],
  ])('%s: JSON says so, and relay serves', async (_, rule) => {
    const [relay, json] = [await pairOf('relay'), await pairOf('json')];
    middlebox.rule = rule;
    expect(['unreachable', 'transport-corrupt']).toContain(await rejectionReason(json.dial()));
    await carries(await open(relay));
  });
});

describe('something on the way that goes wrong later', () => {
  /** Acts on one large frame only, of those that go down to the dialer. */
  const onLarge = (act: (message: Buffer) => readonly Buffer[] | 'close'): Rule => {
    let done = false;
    return (passing) => {
      if (done || passing.up || passing.message.length < 10_000) return passOn(passing);
      done = true;
      return act(passing.message);
    };
  };

  it.each<[string, (message: Buffer) => readonly Buffer[] | 'close']>([
    ['flips one bit', (message) => [flipped(message, 5_000)]],
    ['drops one frame', () => []],
    ['repeats one frame', (message) => [message, message]],
    ['cuts one frame', (message) => [message.subarray(0, 5_000)]],
    ['renumbers one frame', (message) => [flipped(message, RELAY_HEADER_BYTES - 1)]],
    ['says that one frame is from somebody else', (message) => [flipped(message, 20)]],
    ['moves one frame to a foreign meeting', (message) => [flipped(message, 3)]],
  ])('%s: that pipe ends with `transport-corrupt`, and its neighbours do not notice', async (_, act) => {
    const pair = await pairOf('relay');
    const neighbour = await open(pair);
    const [near, far] = await open(pair);
    middlebox.rule = onLarge(act);
    let wrong = false;
    near.on('data', (data: Buffer) => (wrong ||= data.some((byte) => byte !== 7)));
    far.write(Buffer.alloc(300_000, 7));
    expect(await failureOf(near)).toMatchObject({ reason: 'transport-corrupt' });
    expect(await failureOf(far)).toBeInstanceOf(Error);
    expect(wrong).toBe(false);
    await carries(neighbour);
    expect(middlebox.connections.size).toBe(2);
  });

  it('cannot make a frame of garbage pass for anybody: the connection is given up, and the next dial opens another', async () => {
    const pair = await pairOf('relay');
    const [near, far] = await open(pair);
    middlebox.rule = onLarge((message) => [message.subarray(0, 20)]);
    far.write(Buffer.alloc(300_000, 7));
    expect(await failureOf(near)).toMatchObject({ reason: 'transport-corrupt' });
    await failureOf(far);
    await carries(await open(pair));
  });

  it('text that is no message is the end of a connection, not of the room', async () => {
    const pair = await pairOf('json');
    const [near, far] = await open(pair);
    middlebox.rule = onLarge((message) => [Buffer.from(`<html>${message.toString()}</html>`)]);
    near.resume();
    far.write(randomBytes(300_000));
    expect(await failureOf(near)).toMatchObject({ reason: 'transport-corrupt' });
    await failureOf(far);
    await carries(await open(pair));
  });

  it('a relay that dies in the middle of a frame ends the pipes on it with a typed reason, and the next dial works', async () => {
    const pair = await pairOf('relay', { url: path.url });
    const [near, far] = await open(pair);
    near.resume();
    far.write(Buffer.alloc(400_000, 7));
    path.breakAfter(100_000);
    expect(await failureOf(near)).toMatchObject({ reason: 'link-lost' });
    expect(await failureOf(far)).toMatchObject({ reason: 'link-lost' });
    await carries(await open(pair));
  });
});

const swapCase = (text: string): string =>
  text.slice(0, 120) +
  text.slice(120, -2).replace(/[a-z]/gi, (letter) => (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase())) +
  text.slice(-2);
