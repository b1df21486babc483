import type { conflictRequests } from '../rpc/conflicts.ts';
import { PeerweaveError } from '../shared/errors.ts';
import type { BranchName, Oid } from '../shared/ids.ts';
import type { P2PManager } from './manager.ts';
import type { RequestHandlers } from './rpc-server.ts';

/** The answers to requests about conflicts. */
export function conflictHandlers(manager: P2PManager): Pick<RequestHandlers, keyof typeof conflictRequests> {
  const desk = (repo: string) => manager.session(repo).conflicts;
  return {
    'peerweave/conflict': ({ branch }) => Promise.reject(soon(branch)),
    'peerweave/conflictFile': ({ branch }) => Promise.reject(soon(branch)),
    'peerweave/fileAt': ({ path }) => Promise.reject(soon(path)),
    'peerweave/resolve': ({ branch }) => Promise.reject(soon(branch)),
    'peerweave/resolving': ({ branch }) => Promise.reject(soon(branch)),
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

const soon = (what: string): PeerweaveError =>
  new PeerweaveError('bad-request', `This engine cannot do that for ${what} yet.`);
