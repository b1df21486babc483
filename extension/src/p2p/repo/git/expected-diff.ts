import type { Oid } from '../../../shared/ids.ts';
import type { Git } from './git.ts';
import { diffTrees, type TreeChange } from './tree-diff.ts';

/**
 * The difference between two trees that will soon be asked for, worked out beside other things: between the commit that is checked
 * out and the one that has just arrived. Two ids always differ in the same way, so it does not matter when that was found out.
 */
export class ExpectedDiff {
  private readonly git: Git;
  private readonly gitDir: string;
  private expected:
    { readonly from: Oid; readonly to: Oid; readonly changes: Promise<readonly TreeChange[] | undefined> } | undefined;

  constructor(git: Git, gitDir: string) {
    this.git = git;
    this.gitDir = gitDir;
  }

  /** Begins with it; `env` says where the objects are. Resolves when it is done, and never rejects. */
  async expect(from: Oid, to: Oid, env: Readonly<Record<string, string>>): Promise<void> {
    const changes = diffTrees(this.git, this.gitDir, from, to, env).catch(() => undefined);
    this.expected = { from, to, changes };
    await changes;
  }

  /** Throws `GitFailure`. */
  async between(from: Oid, to: Oid): Promise<readonly TreeChange[]> {
    const { expected } = this;
    this.expected = undefined;
    const known = expected?.from === from && expected.to === to ? await expected.changes : undefined;
    return known ?? diffTrees(this.git, this.gitDir, from, to);
  }
}
