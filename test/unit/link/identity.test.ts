import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  createIdentity,
  fingerprintOf,
  identityFromPem,
  verifySignature,
} from '../../../extension/src/p2p/link/identity.ts';
import { isPeerId } from '../../../extension/src/shared/ids.ts';
import { sshKeyPair } from '../../../extension/src/p2p/link/ssh-session.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('identity', () => {
  it('comes back from its PEM as the same person', () => {
    const identity = createIdentity();
    const again = identityFromPem(identity.pem);
    expect(isPeerId(identity.peer)).toBe(true);
    expect(again.peer).toBe(identity.peer);
    expect(Buffer.from(again.publicKey)).toEqual(Buffer.from(identity.publicKey));
    expect(fingerprintOf(identity.publicKey)).toBe(identity.peer);
    expect(createIdentity().peer).not.toBe(identity.peer);
  });

  it('has the public key that the SSH library proves', async () => {
    const identity = createIdentity();
    const pair = await sshKeyPair(identity);
    expect(await pair.getPublicKeyBytes()).toEqual(Buffer.from(identity.publicKey));
  });

  it('signs what only its key can sign, in 64 bytes', () => {
    const identity = createIdentity();
    const signature = identity.sign(text('refs'));
    expect(signature).toHaveLength(64);
    expect(verifySignature(identity.publicKey, text('refs'), signature)).toBe(true);
    expect(verifySignature(identity.publicKey, text('Refs'), signature)).toBe(false);
    expect(verifySignature(createIdentity().publicKey, text('refs'), signature)).toBe(false);
    expect(verifySignature(identity.publicKey, text('refs'), signature.subarray(1))).toBe(false);
    expect(verifySignature(identity.publicKey.subarray(1), text('refs'), signature)).toBe(false);
  });

  it.each([
    ['nothing', ''],
    ['text', 'not a key'],
    [
      'an RSA key',
      generateKeyPairSync('rsa', { modulusLength: 2048 })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    ],
    [
      'another curve',
      generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ],
    [
      'a public key',
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ],
  ])('is not made from %s', (_, pem) => {
    expect(() => identityFromPem(pem)).toThrow(expect.objectContaining({ reason: 'bad-request' }));
  });

  it('does not quote a broken key in its error [SE8]', () => {
    const broken = createIdentity().pem.replace(/\n.{10}/, '\nAAAAAAAAAA');
    try {
      identityFromPem(broken);
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(
        broken.split('\n')[1]!.slice(10, 40),
      );
    }
  });

  it.each([
    ['empty', (blob: Buffer) => blob.subarray(0, 0)],
    ['truncated', (blob: Buffer) => blob.subarray(0, 103)],
    ['with something behind it', (blob: Buffer) => Buffer.concat([blob, Buffer.alloc(1)])],
    [
      'of another type',
      (blob: Buffer) =>
        Buffer.from(blob.toString('latin1').replace('ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384'), 'latin1'),
    ],
    ['compressed', (blob: Buffer) => patched(blob, 39, 0x02)],
    ['off the curve', (blob: Buffer) => patched(blob, 103, blob[103]! ^ 1)],
  ])('has no fingerprint for a key blob that is %s', (_, change) => {
    const blob = change(Buffer.from(createIdentity().publicKey));
    expect(() => fingerprintOf(blob)).toThrow(expect.objectContaining({ reason: 'authentication-failed' }));
  });
});

function patched(bytes: Buffer, at: number, value: number): Buffer {
  bytes[at] = value;
  return bytes;
}
