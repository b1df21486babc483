import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ExpectedDiff } from '../../../extension/src/p2p/repo/git/expected-diff.ts';
import { Git } from '../../../extension/src/p2p/repo/git/git.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { commit, initRepository, tempFolder, type TempFolder } from '../../support/git.ts';

let temp: TempFolder;
let diff: ExpectedDiff;
let [first, second, third]: [Oid, Oid, Oid] = ['', '', ''] as never;

beforeEach(() => {
  temp = tempFolder();
  const root = initRepository(join(temp.path, 'repository'));
  [first, second, third] = [commit(root, { a: '1' }), commit(root, { b: '2' }), commit(root, { c: '3' })];
  diff = new ExpectedDiff(new Git(), join(root, '.git'));
});

afterEach(() => temp.remove());

const paths = async (from: Oid, to: Oid): Promise<string[]> => (await diff.between(from, to)).map(({ path }) => path);

it('gives the difference that was expected, and any other that is asked for instead', async () => {
  await diff.expect(first, second, {});
  expect(await paths(first, second)).toEqual(['b']);
  await diff.expect(first, second, {});
  expect(await paths(second, third)).toEqual(['c']);
  expect(await paths(second, first)).toEqual(['b']);
});

it('finds out again what could not be found out in advance', async () => {
  await diff.expect(first, second, { GIT_OBJECT_DIRECTORY: temp.path });
  expect(await paths(first, second)).toEqual(['b']);
});
