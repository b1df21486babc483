import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Repository } from '../../extension/src/p2p/repo/repository.ts';
import { commit, fsck, git, initRepository, tempFolder, type TempFolder } from './git.ts';
import { provider } from './two-repositories.ts';

/** Two repositories that are open, in a folder of their own. */
export interface AliceAndBob {
  readonly temp: TempFolder;
  readonly aliceRoot: string;
  readonly bobRoot: string;
  readonly alice: Repository;
  readonly bob: Repository;
  /** Closes both, and removes the folder. */
  readonly end: () => void;
}

/** Alice's has one commit; Bob's is a clone of it, or has nothing. */
export async function aliceAndBob(bobs: 'clone' | 'empty' = 'clone'): Promise<AliceAndBob> {
  const temp = tempFolder();
  const aliceRoot = initRepository(join(temp.path, 'alice'));
  commit(aliceRoot, { 'readme.md': 'hello\n' });
  const bobRoot = join(temp.path, 'bob');
  if (bobs === 'clone') git(temp.path, 'clone', '--quiet', 'alice', 'bob');
  else initRepository(bobRoot);
  const [alice, bob] = await Promise.all([provider.open(aliceRoot), provider.open(bobRoot)]);
  const end = (): void => {
    alice.dispose();
    bob.dispose();
    temp.remove();
  };
  return { temp, aliceRoot, bobRoot, alice, bob, end };
}

/** Nothing of an attempt to receive is left, and the repository is sound. */
export function expectClean(root: string): void {
  expect(stagingOf(root)).toEqual([]);
  expect(readdirSync(join(root, '.git', 'objects', 'pack')).filter((name) => name.startsWith('tmp_'))).toEqual([]);
  fsck(root);
}

/** What waits for the gate. */
export function stagingOf(root: string): string[] {
  try {
    return readdirSync(join(root, '.git', 'peerweave', 'staging'));
  } catch {
    return [];
  }
}
