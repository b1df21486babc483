import { randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodingsOf, leaksOf, leaksOfAll } from '../../support/leaks.ts';

/** The test for plaintext in an adversary's log is worth what this can find. */
describe('a search for plaintext', () => {
  const marker = 'Marker-of-Ünder-7f3a';
  const around = (inside: Buffer | string): Buffer =>
    Buffer.concat([randomBytes(37), Buffer.from(inside as string), randomBytes(41)]);

  it.each(encodingsOf(marker))('finds it as $name', ({ needle }) => {
    expect(leaksOf(marker, [around(needle)])).not.toEqual([]);
  });

  it.each([0, 1, 2, 3, 4])('finds it in base64 of a record, %i bytes from its start', (shift) => {
    const record = Buffer.concat([randomBytes(shift), Buffer.from(marker), randomBytes(7)]);
    expect(leaksOf(marker, [Buffer.from(record.toString('base64'))])).not.toEqual([]);
    expect(leaksOf(marker, [Buffer.from(`{"body":"${record.toString('base64url')}"}`)])).not.toEqual([]);
  });

  it.each<[string, Buffer]>([
    ['other letters', Buffer.from(marker.replace(/[a-z]/g, (letter) => letter.toUpperCase()))],
    ['gzip', gzipSync(`{"name":"${marker}"}`)],
    ['zlib', deflateSync(marker)],
    ['brotli', brotliCompressSync(marker)],
    ['deflate', deflateRawSync(marker)],
    ['deflate that is cut short', deflateRawSync(marker + randomBytes(500).toString('hex')).subarray(0, -100)],
    ['deflate after a relay frame’s header', Buffer.concat([randomBytes(42), deflateRawSync(marker)])],
    ['gzip in a frame', Buffer.concat([randomBytes(42), gzipSync(marker)])],
    ['base64 of gzip', Buffer.from(`{"data":"${gzipSync(marker).toString('base64')}"}`)],
    ['base64 of base64', Buffer.from(Buffer.from(Buffer.from(marker).toString('base64')).toString('base64'))],
    ['hexadecimal in base64', Buffer.from(Buffer.from(Buffer.from(marker).toString('hex')).toString('base64'))],
    ['base64 of UTF-16', Buffer.from(Buffer.from(marker, 'utf16le').toString('base64'))],
  ])('finds it in %s', (_, record) => {
    expect(leaksOf(marker, [randomBytes(100), record])).not.toEqual([]);
  });

  it('finds nothing where it is not', () => {
    const records = Array.from({ length: 200 }, (_, index) => randomBytes(index * 40));
    const texts = records.map((record) => Buffer.from(record.toString('base64')));
    expect(leaksOfAll([marker, 'Markers'], [...records, ...texts, Buffer.from('Marker-of-other')])).toEqual([]);
  });
});
