import fc from 'fast-check';
import { createCipheriv, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BodyOpener, sealBody, type Envelope } from '../../../extension/src/p2p/signaling/sealed-body.ts';
import type { SignalMessage } from '../../../extension/src/p2p/signaling/signaling.ts';
import { MAX_BODY_LENGTH } from '../../../extension/src/p2p/signaling/wire/messages.ts';

const key = randomBytes(32);
const id = (letter: string): string => letter.repeat(22);
const envelope: Envelope = {
  room: id('r'),
  from: { peer: id('a'), tag: id('A') },
  to: { peer: id('b'), tag: id('B') },
};
const message: SignalMessage = { kind: 'offer', attempt: id('x'), sdp: 'v=0 secret words' };

const seal = (sequence: number, said: SignalMessage = message): string => sealBody(key, envelope, sequence, said)!;

/** A body of whatever text, as a member could make it that runs another version, or means harm. */
function sealText(text: string, sequence = 1): string {
  const header = Buffer.alloc(9);
  header[0] = 1;
  header.writeBigUInt64BE(BigInt(sequence), 1);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const { room, from, to } = envelope;
  const bound = ['peerweave signal 1', room, from.peer, from.tag, to.peer, to.tag].join(' ');
  cipher.setAAD(Buffer.concat([Buffer.from(bound), header]));
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([header, nonce, sealed, cipher.getAuthTag()]).toString('base64url');
}

describe('sealed bodies', () => {
  it('open where they were sent to', () => {
    expect(new BodyOpener(key).open(envelope, seal(1))).toEqual({ message });
  });

  it('[SE2] show nothing of what they say, and little of how long it is', () => {
    const short = seal(1);
    expect(Buffer.from(short, 'base64url').toString('latin1')).not.toContain('secret');
    expect(seal(2)).not.toBe(short);
    expect(seal(3, { ...message, sdp: 'v=0' }).length).toBe(short.length);
    const lengths = new Set(
      Array.from({ length: 200 }, (_, index) => seal(index, { ...message, sdp: 'x'.repeat(index * 100) }).length),
    );
    expect(lengths.size).toBeLessThanOrEqual(5);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(MAX_BODY_LENGTH);
  });

  it.each<[string, Envelope]>([
    ['another room', { ...envelope, room: id('q') }],
    ['another connection of the sender', { ...envelope, from: { ...envelope.from, peer: id('c') } }],
    ['another sender', { ...envelope, from: { ...envelope.from, tag: id('C') } }],
    ['another connection of the receiver', { ...envelope, to: { ...envelope.to, peer: id('c') } }],
    ['another receiver', { ...envelope, to: { ...envelope.to, tag: id('C') } }],
    ['the sender, sent back', { ...envelope, from: envelope.to, to: envelope.from }],
  ])('do not open for %s', (_, other) => {
    expect(new BodyOpener(key).open(other, seal(1))).toEqual({ fault: 'forged' });
  });

  it('do not open with another key', () => {
    expect(new BodyOpener(randomBytes(32)).open(envelope, seal(1))).toEqual({ fault: 'forged' });
  });

  it('do not open when any bit was flipped', () => {
    const body = Buffer.from(seal(7), 'base64url');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: body.length * 8 - 1 }), (bit) => {
        const flipped = Buffer.from(body);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        expect(new BodyOpener(key).open(envelope, flipped.toString('base64url'))).toEqual({ fault: 'forged' });
      }),
    );
  });

  it('open once, and not after a later one', () => {
    const opener = new BodyOpener(key);
    const [first, second, fifth] = [seal(1), seal(2), seal(5)];
    expect(opener.open(envelope, first)).toEqual({ message });
    expect(opener.open(envelope, first)).toEqual({ fault: 'replayed' });
    expect(opener.open(envelope, fifth)).toEqual({ message });
    expect(opener.open(envelope, second)).toEqual({ fault: 'replayed' });
  });

  it('are counted for each sender on its own; who is forged changes nothing', () => {
    const opener = new BodyOpener(key);
    const from = { peer: id('c'), tag: id('C') };
    const other = sealBody(key, { ...envelope, from }, 1, message)!;
    expect(opener.open(envelope, seal(9))).toEqual({ message });
    expect(opener.open({ ...envelope, from }, seal(100))).toEqual({ fault: 'forged' });
    expect(opener.open({ ...envelope, from }, other)).toEqual({ message });
    expect(opener.senders).toBe(2);
  });

  it.each([
    ['a later version says something new [LI6]', '{"kind":"wave","at":"you"}', 'unknown-kind'],
    ['a known kind lacks something', '{"kind":"offer","attempt":"short"}', 'malformed'],
    ['it is too long', JSON.stringify({ ...message, sdp: 'x'.repeat(20_001) }), 'malformed'],
    ['it has no kind', '{}', 'malformed'],
    ['it is no object', 'null', 'malformed'],
    ['it is no JSON', '{"kind":', 'malformed'],
    ['it is nothing', '', 'malformed'],
    ['it would set a prototype', '{"__proto__":{"kind":"offer"}}', 'malformed'],
  ])('are dropped and counted when %s', (_, text, fault) => {
    expect(new BodyOpener(key).open(envelope, sealText(text))).toEqual({ fault });
  });

  it('never throw, whatever they are', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.uint8Array().map(base64url)), (body) => {
        expect(new BodyOpener(key).open(envelope, body)).toEqual({ fault: 'forged' });
      }),
    );
  });

  it('are not made of what is too long for any', () => {
    const candidates = { ...message, sdp: '\u0001'.repeat(20_000) };
    expect(sealBody(key, envelope, 1, candidates)).toBeUndefined();
  });
});

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
