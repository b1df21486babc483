import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MeetingEnds } from '../../../extension/src/p2p/transport/relay-seal.ts';
import { SALT_BYTES } from '../../../extension/src/p2p/transport/relay-seal.ts';
import { SealedPort } from '../../../extension/src/p2p/transport/sealed-port.ts';
import { MemoryChannel, type Frame } from '../../support/memory-channel.ts';

const KEY = randomBytes(32);

interface Side {
  readonly port: SealedPort;
  readonly channel: MemoryChannel;
  readonly messages: string[];
  opened: boolean;
  closedFor: unknown;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function turns(): Promise<void> {
  for (let i = 0; i < 12; i++) await turn();
}

interface SideOptions extends Partial<MeetingEnds> {
  /** Short only where a test waits for it: a busy machine takes long for anything. */
  readonly probeMs?: number;
}

function side(channel: MemoryChannel, self: string, other: string, options: SideOptions = {}): Side {
  const { probeMs, ...ends } = options;
  const port = new SealedPort(channel, {
    ends: { key: KEY, self, other, purpose: 'relay', ...ends },
    salt: randomBytes(SALT_BYTES),
    ...(probeMs === undefined ? {} : { probeMs }),
  });
  const made: Side = { port, channel, messages: [], opened: false, closedFor: 'open' };
  port.onOpen(() => (made.opened = true));
  port.onMessage((message) => made.messages.push(Buffer.from(message).toString()));
  port.onClosed((error) => (made.closedFor = error));
  return made;
}

function sides(ann: SideOptions = {}, bob: SideOptions = {}): [Side, Side] {
  const [a, b] = MemoryChannel.pair();
  return [side(a, 'ann', 'bob', ann), side(b, 'bob', 'ann', bob)];
}

async function met(): Promise<[Side, Side]> {
  const both = sides();
  both[0].channel.meet();
  await turns();
  expect(both.map(({ opened }) => opened)).toEqual([true, true]);
  return both;
}

const closed = async (one: Side): Promise<unknown> => {
  while (one.closedFor === 'open') await new Promise((resolve) => setTimeout(resolve, 1));
  return one.closedFor;
};

const flip = (frame: Frame, at: number): Frame => {
  const data = Buffer.from(frame.data);
  data[at % data.length]! ^= 1 << (at % 8);
  return { ...frame, data };
};

describe('sealed port', () => {
  it('opens on both sides and carries messages both ways', async () => {
    const [ann, bob] = await met();
    ann.port.send(Buffer.from('one'));
    ann.port.send(Buffer.from('two'));
    bob.port.send(Buffer.from('three'));
    await turns();
    expect([ann.messages, bob.messages]).toEqual([['three'], ['one', 'two']]);
    ann.port.close();
    await turns();
    expect(ann.closedFor).toBeUndefined();
    expect(bob.closedFor).toMatchObject({ message: 'detached' });
  });

  it('shows every byte value to what is on the way, and nothing of what it carries [SE2]', async () => {
    const [ann] = await met();
    expect(new Set(ann.channel.sent[0]!.data).size).toBe(256);
    const secret = 'ssh-rsa AAAAB3NzaC1yc2E of ann';
    ann.port.send(Buffer.from(secret));
    const bytes = Buffer.concat(ann.channel.sent.map(({ data }) => data));
    expect(bytes.includes('ssh-rsa')).toBe(false);
    expect(bytes.includes(KEY)).toBe(false);
  });

  it('says `unreachable` when nothing comes through, in either direction', async () => {
    const impatient = { probeMs: 30 };
    for (const [mute, both] of [
      [0, sides({}, impatient)],
      [1, sides(impatient, {})],
    ] as const) {
      both[mute].channel.tamper = () => [];
      both[0].channel.meet();
      expect(await closed(both[1 - mute]!)).toMatchObject({ reason: 'unreachable' });
      // The other side has had our hello, and yet it must not take the way for good.
      expect(both.map(({ opened }) => opened)).toEqual([false, false]);
    }
  });

  it.each([
    ['the hello', 0],
    ['the confirmation', 1],
    ['a message', 2],
  ])('says `transport-corrupt` when a bit flips in %s', async (_, sequence) => {
    for (let at = 0; at < 40; at++) {
      const [ann, bob] = sides();
      const position = at * 107;
      ann.channel.tamper = (frame) => [frame.sequence === sequence ? flip(frame, position) : frame];
      ann.channel.meet();
      await turns();
      ann.port.send(Buffer.from('message'));
      expect(await closed(bob)).toMatchObject({ reason: 'transport-corrupt' });
      expect(bob.messages).toEqual([]);
    }
  });

  it('delivers nothing but what was sent, in its order, whatever is done to the frames', async () => {
    const deed = fc.record({
      at: fc.integer({ min: 2, max: 7 }),
      what: fc.constantFrom('drop', 'double', 'swap', 'cut', 'grow', 'flip', 'renumber', 'late' as const),
      detail: fc.nat(10_000),
    });
    await fc.assert(
      fc.asyncProperty(deed, async ({ at, what, detail }) => {
        const [ann, bob] = await met();
        let held: Frame | undefined;
        ann.channel.tamper = (frame) => {
          if (held) {
            const frames = [frame, held];
            held = undefined;
            return frames;
          }
          if (frame.sequence !== at) return [frame];
          if (what === 'drop') return [];
          if (what === 'double') return [frame, frame];
          if (what === 'cut') return [{ ...frame, data: frame.data.subarray(0, detail % frame.data.length) }];
          if (what === 'grow')
            return [{ ...frame, data: Buffer.concat([frame.data, Buffer.alloc(1 + (detail % 40))]) }];
          if (what === 'flip') return [flip(frame, detail)];
          if (what === 'renumber') return [{ ...frame, sequence: frame.sequence + 1 + detail }];
          if (what === 'late') return [frame, { ...frame, data: ann.channel.sent[detail % 3]!.data }];
          held = frame;
          return [];
        };
        const sent = Array.from({ length: 8 }, (_, index) => `message ${index}`);
        for (const text of sent) ann.port.send(Buffer.from(text));
        expect(await closed(bob)).toMatchObject({ reason: 'transport-corrupt' });
        expect(bob.messages).toEqual(sent.slice(0, bob.messages.length));
        expect(bob.messages.length).toBeLessThanOrEqual(at - 1);
      }),
      { numRuns: 200 },
    );
  });

  it('takes no frames of an earlier meeting, even of one with the same name and key', async () => {
    const [ann, bob] = await met();
    ann.port.send(Buffer.from('open the door'));
    await turns();
    expect(bob.messages).toEqual(['open the door']);
    const [channel] = MemoryChannel.pair();
    const again = side(channel, 'bob', 'ann');
    channel.meet();
    for (const frame of ann.channel.sent) channel.arrive(frame);
    expect(await closed(again)).toMatchObject({ reason: 'transport-corrupt' });
    expect([again.opened, again.messages]).toEqual([false, []]);
  });

  it('does not take its own frames for those of the other', async () => {
    const [channel] = MemoryChannel.pair();
    const ann = side(channel, 'ann', 'bob');
    channel.meet();
    for (const frame of channel.sent) channel.arrive(frame);
    expect(await closed(ann)).toMatchObject({ reason: 'transport-corrupt' });
  });

  it.each([
    ['another key', { key: randomBytes(32) }],
    ['another purpose', { purpose: 'json' }],
    ['another name', { self: 'eve' }],
  ])('does not open for %s', async (_, ends) => {
    const [eve, bob] = sides(ends);
    eve.channel.meet();
    expect(await closed(bob)).toMatchObject({ reason: 'transport-corrupt' });
  });

  it('takes nothing before both sides are there', async () => {
    const [channel] = MemoryChannel.pair();
    const ann = side(channel, 'ann', 'bob');
    channel.arrive({ sequence: 0, data: Buffer.alloc(5_000) });
    expect(await closed(ann)).toMatchObject({ reason: 'transport-corrupt' });
    expect(channel.sent).toEqual([]);
  });
});
