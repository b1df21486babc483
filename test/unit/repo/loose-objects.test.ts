import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { looseObjectSize } from '../../../extension/src/p2p/repo/git/loose-objects.ts';

const folder = mkdtempSync(join(tmpdir(), 'peerweave-loose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sizeOf(type: string, content: Buffer, claimed = content.length): number {
  const path = join(folder, 'object');
  writeFileSync(path, deflateSync(Buffer.concat([Buffer.from(`${type} ${claimed}\0`), content])));
  return looseObjectSize(path);
}

describe('the size of a loose object', () => {
  it('[SY2] is read from its header, whatever tables deflate puts before it', () => {
    for (const symbols of [1, 2, 17, 64, 200, 256]) {
      for (const length of [0, 1, 100, 5_000, 300_000]) {
        // Every symbol, the later the rarer: the longest tables are for codes of many lengths.
        const content = Buffer.from(Array.from({ length }, (_, at) => Math.floor(symbols * ((at * 0.618) % 1) ** 4)));
        expect(sizeOf('tree', content)).toBe(length);
      }
    }
  });

  it('[SY2] is what the header claims, before anything of the object is inflated', () => {
    expect(sizeOf('blob', Buffer.alloc(100_000), 10_000_000_000)).toBe(10_000_000_000);
  });

  it('is refused where there is no object', () => {
    writeFileSync(join(folder, 'none'), deflateSync(Buffer.from('nothing of the kind')));
    expect(() => looseObjectSize(join(folder, 'none'))).toThrow('not a loose object');
  });
});
