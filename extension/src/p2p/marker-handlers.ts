import type { markerRequests } from '../rpc/conflicts.ts';
import type { BranchName, Oid } from '../shared/ids.ts';
import type { P2PManager } from './manager.ts';
import type { RequestHandlers } from './rpc-server.ts';

/** The answers to requests about merges with markers. */
export function markerHandlers(manager: P2PManager): Pick<RequestHandlers, keyof typeof markerRequests> {
  const desk = (repo: string) => manager.session(repo).desks.markers;
  return {
    'peerweave/mergeWithMarkers': async ({ repo, branch, tips, theirs, reviewed }) => {
      const request = { branch: branch as BranchName, tips: tips as Oid[], theirs: theirs as Oid, reviewed };
      return { files: [...(await desk(repo).begin(request))] };
    },
    'peerweave/markerMerge': async ({ repo }) => ({ merge: (await desk(repo).view()) ?? null }),
    'peerweave/completeMerge': async ({ repo, message }) => ({ commit: await desk(repo).complete(message) }),
    'peerweave/abortMerge': async ({ repo }) => {
      await desk(repo).abort();
      return {};
    },
  };
}
