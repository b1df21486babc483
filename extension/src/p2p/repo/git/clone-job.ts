import { join } from 'node:path';
import {
  branchOf,
  branchRef,
  isBranchRef,
  isOid,
  isTagRef,
  type BranchName,
  type Oid,
  type RefName,
} from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import { DEFAULT_RECEIVE_LIMITS } from '../limits.ts';
import { peerRefs } from '../peer-refs.ts';
import type { CloneRequest, ReceiveLimits } from '../repository.ts';
import type { CloneFolder } from './clone-folder.ts';
import { isMissing } from './files.ts';
import type { Git } from './git.ts';
import { findRefReader } from './ref-reader.ts';
import { RefConflictError, RefTransaction, type RefChange } from './ref-transaction.ts';
import type { Staging } from './staging.ts';

/** One clone: what was asked for, cleaned of what is refused, and where it goes. */
export interface CloneJob {
  readonly git: Git;
  readonly log: Logger;
  readonly request: CloneRequest;
  readonly folder: CloneFolder;
  readonly root: string;
  readonly gitDir: string;
  readonly head: BranchName;
  readonly refs: ReadonlyMap<RefName, Oid>;
  readonly mirror: ReturnType<typeof peerRefs>['refs'];
  readonly limits: ReceiveLimits;
  readonly signal: AbortSignal;
  /** The tip that was checked out, once it was: from then on the folder may hold the user's work. */
  checkedOut?: Oid;
}

export function cloneJob(
  { git, log }: { readonly git: Git; readonly log: Logger },
  request: CloneRequest,
  folder: CloneFolder,
  signal: AbortSignal,
): CloneJob {
  const { refs: mirror, refused } = peerRefs(request.namespace, request.refs);
  const bad = new Set<string>(refused.map(({ ref }) => ref));
  for (const { ref, why } of refused) log.warn(`not cloning ${JSON.stringify(ref)}: ${why}`);
  const refs = new Map([...request.refs].filter(([ref]) => !bad.has(ref)));
  const head = chooseHead(request.head, refs);
  const root = request.directory;
  const limits = { ...DEFAULT_RECEIVE_LIMITS, ...request.limits };
  return { git, log, request, folder, root, gitDir: join(root, '.git'), head, refs, mirror, limits, signal };
}

/** The host's branch, else `main`, else the first. */
function chooseHead(asked: BranchName | undefined, refs: ReadonlyMap<RefName, Oid>): BranchName {
  const branches = [...refs.keys()].map(branchOf).filter((branch) => branch !== undefined);
  const main = 'main' as BranchName;
  if (asked !== undefined && (branches.length === 0 || branches.includes(asked))) return asked;
  return branches.includes(main) || branches[0] === undefined ? main : branches[0];
}

/** The id of the head branch's tip; undefined when the host does not share it. */
export const tipOf = ({ refs, head }: CloneJob): Oid | undefined => refs.get(branchRef(head));

/**
 * The root commits of the branches, looked for in staging beside the checks: that takes as long as a fifth of a second. Undefined when
 * a branch is not here; whoever opens the repository looks again.
 */
export async function findRoots({ git, gitDir, refs, signal }: CloneJob, staging: Staging): Promise<Oid[] | undefined> {
  const tips = [...refs].filter(([ref]) => isBranchRef(ref)).map(([, oid]) => `${oid}\n`);
  if (tips.length === 0) return undefined;
  const options = { gitDir, isolated: true, env: staging.env(), input: tips.join(''), answers: [0, 128], signal };
  const { code, stdout } = await git.run(['rev-list', '--max-parents=0', '--stdin'], options);
  return code === 0 ? stdout.split('\n').filter((line) => isOid(line)) : undefined;
}

/** Every other branch, the tags and the peer's refs; what the user made meanwhile is left alone. */
export async function remainingRefs(
  { git, gitDir, refs, mirror, head }: CloneJob,
  here: ReadonlySet<Oid>,
): Promise<RefChange[]> {
  const existing = await (await findRefReader(git, gitDir)).all();
  const local = [...refs].filter(([ref]) => (isBranchRef(ref) && branchOf(ref) !== head) || isTagRef(ref));
  const remote = [...mirror].map(([ref, { oid }]) => [ref, oid] as const);
  return [...local, ...remote]
    .filter(([ref, oid]) => !existing.has(ref) && here.has(oid))
    .map(([ref, to]) => ({ ref, from: null, to }));
}

/** One transaction; when a name of the user's is in the way, one for each ref, so that the rest still gets through. */
export async function writeRefs({ git, gitDir, log, request }: CloneJob, changes: readonly RefChange[]): Promise<void> {
  const transact = async (some: readonly RefChange[]): Promise<void> => {
    const transaction = new RefTransaction(git, gitDir, `clone: from ${request.namespace}`);
    try {
      await transaction.apply(some);
    } finally {
      await transaction.close();
    }
  };
  try {
    await transact(changes);
  } catch (error) {
    if (!(error instanceof RefConflictError) || changes.length < 2) throw error;
    for (const change of changes) {
      await transact([change]).catch(() => log.warn(`${change.ref} could not be created beside the refs that exist`));
    }
  }
}

/** True when the user has committed, switched or changed something since the tip was checked out. */
export async function hasWork({ git, gitDir, root, head, checkedOut: tip }: CloneJob): Promise<boolean> {
  if (tip === undefined) return false;
  try {
    const reader = await findRefReader(git, gitDir);
    const branches = [...(await reader.all())].filter(([ref]) => isBranchRef(ref));
    if ((await reader.head(gitDir)) !== head || branches.some(([, oid]) => oid !== tip)) return true;
    const { stdout } = await git.run(['status', '--porcelain', '--ignored'], { cwd: root });
    return stdout !== '';
  } catch (error) {
    if (isMissing(error)) return false;
    return true;
  }
}
