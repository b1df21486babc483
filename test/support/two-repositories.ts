import { duplexPair, type Duplex } from 'node:stream';
import { SystemGitProvider } from '../../extension/src/p2p/repo/git/provider.ts';
import type { CloneRequest, ReceiveRequest, Repository } from '../../extension/src/p2p/repo/repository.ts';
import type { BranchName, Oid, PeerId, RefName } from '../../extension/src/shared/ids.ts';
import { sharedRefs } from './git.ts';

export const ALICE = `SHA256:${'A'.repeat(43)}` as PeerId;
export const branch = (name: string): BranchName => name as BranchName;
export const ref = (name: string): RefName => name as RefName;

export const provider = new SystemGitProvider();

/** What `connect` of a receive or clone does against a repository in this process. */
export const connectTo =
  (repository: Repository) =>
  async (signal: AbortSignal): Promise<Duplex> => {
    const [ours, theirs] = duplexPair();
    repository.serve(theirs, { signal }).catch(() => theirs.destroy());
    return ours;
  };

/** A request for everything that the folder `from` shares, served by `repository`. */
export function requestAll(
  repository: Repository,
  from: string,
  more: Partial<ReceiveRequest> = {},
): ReceiveRequest & { readonly refs: Map<RefName, Oid> } {
  return { peer: ALICE, namespace: 'alice', connect: connectTo(repository), ...more, refs: sharedRefs(from) };
}

/** A request to clone what the folder `from` shares, served by `repository`. */
export const cloneRequest = (
  repository: Repository,
  from: string,
  directory: string,
  more: Partial<CloneRequest> = {},
): CloneRequest => ({
  directory,
  objectFormat: 'sha1',
  peer: ALICE,
  namespace: 'alice',
  refs: sharedRefs(from),
  head: branch('main'),
  connect: connectTo(repository),
  ...more,
});
