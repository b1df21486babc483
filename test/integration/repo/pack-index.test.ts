import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PackIndex } from '../../../extension/src/p2p/repo/git/pack-index.ts';
import { gitInput, initRepository, tempFolder, type TempFolder } from '../../support/git.ts';

let temp: TempFolder;

beforeEach(() => {
  temp = tempFolder();
});
afterEach(() => temp.remove());

/** A repository with one pack of so many blobs; the path of its index. */
function packed(blobs: number, format = 'sha1'): string {
  const root = initRepository(join(temp.path, format), `--object-format=${format}`);
  const stream = Array.from({ length: blobs }, (_, i) => `blob\ndata ${String(i).length}\n${i}\n`).join('');
  gitInput(root, stream, '-c', 'fastimport.unpackLimit=0', 'fast-import', '--quiet');
  const folder = join(root, '.git', 'objects', 'pack');
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.idx')) ?? '');
}

async function read(path: string, ...range: number[]): Promise<string[]> {
  const index = await PackIndex.open(path);
  try {
    const lines: string[] = [];
    for await (const some of index.lines(...range)) lines.push(...some.toString().trimEnd().split('\n'));
    return lines;
  } finally {
    await index.close();
  }
}

it.each(['sha1', 'sha256'])('lists the same objects as git, %s', async (format) => {
  const path = packed(7_000, format);
  const shown = gitInput(temp.path, readFileSync(path), 'show-index', `--object-format=${format}`);
  const expected = shown.split('\n').map((line) => line.split(' ')[1]);
  expect(expected).toHaveLength(7_000);
  expect(await read(path)).toEqual(expected);
  expect(await read(path, 3_000, 6_999)).toEqual(expected.slice(3_000, 6_999));
});

it('refuses what is no index, and one that is cut off', async () => {
  const path = packed(100);
  const other = join(temp.path, 'pack-0123456789012345678901234567890123456789.idx');
  writeFileSync(other, 'something else');
  await expect(PackIndex.open(other)).rejects.toThrow(/has no index of version 2/);
  const whole = readFileSync(path);
  writeFileSync(other, whole.subarray(0, 500));
  await expect(PackIndex.open(other)).rejects.toThrow(/has no index of version 2/);
  writeFileSync(other, whole);
  truncateSync(other, 1_200);
  await expect(read(other)).rejects.toThrow(/cut off/);
});
