import { randomBytes } from 'node:crypto';
import { SshAlgorithms, type Cipher, type MessageSigner, type MessageVerifier } from '@microsoft/dev-tunnels-ssh';
import { describe, expect, it } from 'vitest';
import { Aes256Gcm } from '../../../extension/src/p2p/link/ssh-cipher.ts';

const ours = new Aes256Gcm();
const library = SshAlgorithms.encryption.aes256Gcm!;
type Algorithm = Pick<Aes256Gcm, 'createCipher'>;

const key = randomBytes(ours.keyLength);
const iv = randomBytes(12);

async function encrypt(cipher: Cipher, packet: Buffer): Promise<{ data: Buffer; tag: Buffer }> {
  const data = await cipher.transform(packet);
  return { data, tag: await (cipher as Cipher & MessageSigner).sign(data) };
}

async function decrypt(cipher: Cipher, { data, tag }: { data: Buffer; tag: Buffer }): Promise<Buffer> {
  await (cipher as Cipher & MessageVerifier).verify(data, tag);
  return cipher.transform(data);
}

describe('AES-256-GCM', () => {
  const pairs: [string, Algorithm, Algorithm][] = [
    ['ours to the library', ours, library],
    ['the library to ours', library, ours],
    ['ours to ours', ours, ours],
  ];
  for (const [name, from, to] of pairs) {
    it(`carries packets from ${name}, each under a nonce of its own`, async () => {
      const start = Buffer.from('00112233445566778899fffe', 'hex');
      const [encrypting, decrypting] = [
        await from.createCipher(true, key, start),
        await to.createCipher(false, key, start),
      ];
      const packet = randomBytes(64);
      const seen = new Set<string>();
      for (let count = 0; count < 5; count += 1) {
        const sent = await encrypt(encrypting, packet);
        seen.add(sent.data.toString('hex'));
        expect(await decrypt(decrypting, sent)).toEqual(packet);
      }
      expect(seen.size).toBe(5);
    });
  }

  it('is negotiated under the name that the library gives it', () => {
    expect([ours.name, ours.keyLength, ours.blockLength]).toEqual([
      library.name,
      library.keyLength,
      library.blockLength,
    ]);
  });

  it('refuses a packet that was changed, cut short, replayed, or came without its tag', async () => {
    const fresh = async (): Promise<[Cipher, Cipher]> => [
      await ours.createCipher(true, key, iv),
      await ours.createCipher(false, key, iv),
    ];
    const [encrypting, decrypting] = await fresh();
    const first = await encrypt(encrypting, randomBytes(64));
    await expect(decrypting.transform(first.data)).rejects.toThrow('without its tag');
    expect(await decrypt(decrypting, first)).toHaveLength(64);
    await expect(decrypt(decrypting, first)).rejects.toThrow();
    for (const change of [
      (sent: typeof first) => ({
        ...sent,
        data: Buffer.concat([Buffer.from([sent.data[0]! ^ 1]), sent.data.subarray(1)]),
      }),
      (sent: typeof first) => ({ ...sent, data: sent.data.subarray(0, 48) }),
      (sent: typeof first) => ({ ...sent, tag: Buffer.alloc(16) }),
      (sent: typeof first) => ({ ...sent, tag: sent.tag.subarray(0, 12) }),
    ]) {
      const [from, to] = await fresh();
      const sent = await encrypt(from, randomBytes(64));
      await expect(decrypt(to, change(sent))).rejects.toThrow();
    }
  });
});
