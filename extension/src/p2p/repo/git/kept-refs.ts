import { branchRef, isOid, type BranchName, type Oid, type RefName } from '../../../shared/ids.ts';
import { PeerweaveError } from '../../../shared/errors.ts';
import type { KeptTip } from '../merge.ts';
import { refNameProblem } from '../ref-name.ts';
import type { Git } from './git.ts';

/**
 * Tips that lost to another by a strategy: `refs/peerweave/kept/<branch>/<oid>` (CO4). As refs they are safe from `git gc`; under this
 * prefix they are served to nobody (`serve.ts` hides everything but branches and tags). With the id as last component a tip that is
 * kept twice is one ref, and what is kept of `a` does not stand in the way of `a/b`. Since when, the reflog says.
 */
const KEPT_PREFIX = 'refs/peerweave/kept/';

export interface KeptContext {
  readonly git: Git;
  /** The common git directory. */
  readonly gitDir: string;
}

const keptRef = (branch: BranchName, tip: Oid): RefName => `${KEPT_PREFIX}${branch}/${tip}` as RefName;

/**
 * Keeps these tips of a branch, all or none; one that is kept already stays as it is. Throws `PeerweaveError` with
 * `ref-name-rejected`, or what git failed with: a tip that is not here, a full disk.
 */
export async function keepTips({ git, gitDir }: KeptContext, branch: BranchName, tips: readonly Oid[]): Promise<void> {
  const wanted = [...new Set(tips)].map((tip) => ({ tip, ref: keptRef(branch, tip) }));
  const problem = [branchRef(branch), ...wanted.map(({ ref }) => ref)].map(refNameProblem).find(Boolean);
  if (problem !== undefined) throw new PeerweaveError('ref-name-rejected', `The branch's name ${problem}.`);
  // `update` without an old value leaves a ref that has this one as it is, its reflog too.
  const lines = wanted.map(({ tip, ref }) => `update ${ref} ${tip}\n`);
  const message = `peerweave: kept when ${branch} was settled`;
  await git.run(['update-ref', '--create-reflog', '--no-deref', '-m', message, '--stdin'], {
    gitDir,
    write: true,
    input: lines.join(''),
  });
}

/** What is kept, of one branch or of all, newest first. */
export async function listKept({ git, gitDir }: KeptContext, branch?: BranchName): Promise<KeptTip[]> {
  const pattern = branch === undefined ? KEPT_PREFIX : `${KEPT_PREFIX}${branch}/`;
  const { stdout } = await git.run(['for-each-ref', '--format=%(objectname) %(refname)', pattern], { gitDir });
  const refs = new Map<RefName, { branch: BranchName; tip: Oid }>();
  for (const line of stdout.split('\n')) {
    const [oid = '', ref = ''] = line.split(' ');
    const name = ref.slice(KEPT_PREFIX.length);
    const slash = name.lastIndexOf('/');
    // Somebody else's ref under our prefix is not ours to list.
    if (!isOid(oid) || slash < 1 || name.slice(slash + 1) !== oid) continue;
    const of = name.slice(0, slash) as BranchName;
    if (branch === undefined || of === branch) refs.set(ref as RefName, { branch: of, tip: oid });
  }
  const since = await keptSince(git, gitDir, [...refs.keys()]);
  const kept = [...refs].map(([ref, { branch: of, tip }]) => ({ branch: of, tip, keptAt: since.get(ref) }));
  return kept.sort((a, b) => (b.keptAt ?? 0) - (a.keptAt ?? 0) || (a.tip < b.tip ? -1 : 1));
}

/** The time of each ref's first reflog entry, in seconds. A reflog that was expired or turned off says nothing. */
async function keptSince(git: Git, gitDir: string, refs: readonly RefName[]): Promise<Map<string, number>> {
  const since = new Map<string, number>();
  if (refs.length === 0) return since;
  const { stdout } = await git.run(['log', '-g', '--stdin', '--no-show-signature', '--date=unix', '--format=%gD'], {
    gitDir,
    input: refs.map((ref) => `${ref}\n`).join(''),
    answers: [0, 128],
  });
  for (const line of stdout.split('\n')) {
    const [, ref = '', time] = /^(.*)@\{([0-9]{1,15})\}$/.exec(line) ?? [];
    if (time !== undefined) since.set(ref, Math.min(Number(time), since.get(ref) ?? Infinity));
  }
  return since;
}

/** True when this tip is kept. */
export async function isKept({ git, gitDir }: KeptContext, branch: BranchName, tip: Oid): Promise<boolean> {
  const { code } = await git.run(['show-ref', '--verify', '--quiet', keptRef(branch, tip)], {
    gitDir,
    answers: [0, 1, 128],
  });
  return code === 0;
}

/**
 * Lets go of what has been kept since before `before` (seconds since 1970) and returns it. What does not say since when stays: nothing
 * is forgotten that a setting does not clearly cover.
 */
export async function expireKept(context: KeptContext, before: number): Promise<KeptTip[]> {
  const kept = await listKept(context);
  const expired = kept.filter(({ keptAt }) => keptAt !== undefined && keptAt < before);
  if (expired.length === 0) return [];
  await release(context, expired);
  return expired;
}

/** Lets go of tips that were kept and did not lose after all. */
export const releaseKept = (context: KeptContext, branch: BranchName, tips: readonly Oid[]): Promise<void> =>
  release(
    context,
    tips.map((tip) => ({ branch, tip })),
  );

async function release({ git, gitDir }: KeptContext, kept: readonly Pick<KeptTip, 'branch' | 'tip'>[]): Promise<void> {
  if (kept.length === 0) return;
  const lines = kept.map(({ branch, tip }) => `delete ${keptRef(branch, tip)} ${tip}\n`);
  await git.run(['update-ref', '--no-deref', '--stdin'], { gitDir, write: true, input: lines.join('') });
}
