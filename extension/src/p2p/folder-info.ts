import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FolderInfo } from '../rpc/contract.ts';
import type { RepositoryProvider } from './repo/repository.ts';
import { SessionStore } from './session/session-store.ts';

/** What a folder is to a person who wants to share it, go on with its session, or join into it. */
export async function inspectFolder(provider: RepositoryProvider, directory: string): Promise<FolderInfo> {
  const stored = await new SessionStore(join(resolve(directory), '.git')).load();
  const empty = (await readdir(directory).catch(() => [])).length === 0;
  // A clone whose history still arrives is shallow, and ours to complete.
  if (stored?.historyComplete === false) return { kind: 'ready', resumable: true, empty };
  const state = await provider.inspect(directory);
  switch (state.kind) {
    case 'repository': {
      // A subfolder or a linked worktree has no git directory of its own.
      const resumable = (await new SessionStore(state.info.gitDir).load()) !== undefined;
      return { kind: 'ready', resumable, empty };
    }
    case 'no-repository':
      return { kind: 'no-repository', resumable: false, empty };
    case 'unusable':
      return { kind: 'unusable', error: { reason: state.reason, message: state.message }, resumable: false, empty };
  }
}
