import type { conflictRequests } from '../rpc/conflicts.ts';
import type { BranchName, Oid } from '../shared/ids.ts';
import type { P2PManager } from './manager.ts';
import type { RequestHandlers } from './rpc-server.ts';
import type { ConflictDesk } from './session/conflict-desk.ts';

/** The answers to requests about conflicts. */
export function conflictHandlers(manager: P2PManager): Pick<RequestHandlers, keyof typeof conflictRequests> {
  const desk = (repo: string): ConflictDesk => manager.session(repo).desks.conflicts;
  return {
    'peerweave/conflict': async ({ repo, branch }) => desk(repo).detail(branch as BranchName),
    'peerweave/conflictFile': async ({ repo, branch, path, theirs }) =>
      desk(repo).file(branch as BranchName, path, theirs as Oid),
    'peerweave/fileAt': async ({ repo, commit, path }) => ({ version: await desk(repo).fileAt(commit as Oid, path) }),
    'peerweave/resolve': async ({ repo, branch, tips, resolution, reviewed }) => ({
      commit: await desk(repo).settle(branch as BranchName, tips, resolution, reviewed),
    }),
    'peerweave/resolving': ({ repo, branch, active }) => {
      desk(repo).announce(branch as BranchName, active);
      return Promise.resolve({});
    },
    'peerweave/strategy': async ({ repo, branch, strategy }) => {
      await desk(repo).choose(branch as BranchName | undefined, strategy);
      return {};
    },
    'peerweave/kept': async ({ repo }) => ({
      kept: (await desk(repo).kept()).map(({ branch, tip, keptAt }) => ({
        branch,
        tip,
        ...(keptAt === undefined ? {} : { keptAt }),
      })),
    }),
    'peerweave/restoreKept': async ({ repo, tip, name }) => {
      await desk(repo).restore(tip as Oid, name as BranchName);
      return {};
    },
  };
}
