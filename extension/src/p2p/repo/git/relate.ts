import type { Oid } from '../../../shared/ids.ts';
import type { Relation } from '../repository.ts';
import { join } from 'node:path';
import type { Git } from './git.ts';
import { readLooseCommit } from './loose-objects.ts';

/** Commits to walk by reading loose objects before git is asked. An update in a live session is one commit or a few. */
const MAX_STEPS = 32;

/** How two commits stand to each other (SY4, SY9). Both, with their history, must be here. */
export async function relate(git: Git, gitDir: string, local: Oid, remote: Oid): Promise<Relation> {
  if (local === remote) return { local, remote, ahead: 0, behind: 0, sameTree: true };
  return relateLoose(gitDir, local, remote) ?? relateByGit(git, gitDir, local, remote);
}

/** How many commits `descendant` has over `ancestor` on a straight line; undefined when git has to find out. */
export function straightDistance(gitDir: string, ancestor: Oid, descendant: Oid): number | undefined {
  const objectsDir = join(gitDir, 'objects');
  let at = descendant;
  for (let steps = 1; steps <= MAX_STEPS; steps += 1) {
    const commit = readLooseCommit(objectsDir, at);
    const [parent, ...others] = commit?.parents ?? [];
    if (parent === undefined || others.length > 0) return undefined;
    if (parent === ancestor) return steps;
    at = parent;
  }
  return undefined;
}

function relateLoose(gitDir: string, local: Oid, remote: Oid): Relation | undefined {
  const objectsDir = join(gitDir, 'objects');
  const [mine, theirs] = [readLooseCommit(objectsDir, local), readLooseCommit(objectsDir, remote)];
  if (mine === undefined || theirs === undefined) return undefined;
  const sameTree = mine.tree === theirs.tree;
  const behind = straightDistance(gitDir, local, remote);
  if (behind !== undefined) return { local, remote, ahead: 0, behind, sameTree };
  const ahead = straightDistance(gitDir, remote, local);
  return ahead === undefined ? undefined : { local, remote, ahead, behind: 0, sameTree };
}

async function relateByGit(git: Git, gitDir: string, local: Oid, remote: Oid): Promise<Relation> {
  const [counts, trees] = await Promise.all([
    git.run(['rev-list', '--left-right', '--count', `${local}...${remote}`], { gitDir }),
    git.run(['rev-parse', `${local}^{tree}`, `${remote}^{tree}`], { gitDir }),
  ]);
  const [ahead = 0, behind = 0] = counts.stdout.trim().split('\t').map(Number);
  const [mine, theirs] = trees.stdout.split('\n');
  return { local, remote, ahead, behind, sameTree: mine === theirs };
}

/** True when `ancestor` is reachable from `descendant`, or the same. */
export async function isAncestor(git: Git, gitDir: string, ancestor: Oid, descendant: Oid): Promise<boolean> {
  if (ancestor === descendant || straightDistance(gitDir, ancestor, descendant) !== undefined) return true;
  const { code } = await git.run(['merge-base', '--is-ancestor', ancestor, descendant], { gitDir, answers: [0, 1] });
  return code === 0;
}
