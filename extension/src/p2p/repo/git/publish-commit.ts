import type { Oid } from '../../../shared/ids.ts';
import { UNPACK_LIMIT } from '../limits.ts';
import { GitFailure } from './git-failure.ts';
import type { MergeContext } from './merge-commit.ts';
import type { MergeRoom } from './merge-room.ts';
import { Staging } from './staging.ts';

interface Merged {
  readonly commit: Oid;
  /** Commits that the repository has with all that they reach. */
  readonly parents: readonly Oid[];
}

/**
 * Brings the commit and what is new with it into the repository. Git wrote it piece by piece without syncing; here it goes through one
 * pack, which is synced once, and only what the commit reaches is taken along.
 */
export async function publishCommit(
  { git, gitDir }: MergeContext,
  room: MergeRoom,
  { commit, parents }: Merged,
): Promise<void> {
  const many = room.staging.looseObjects().length >= UNPACK_LIMIT;
  const staging = await Staging.create(gitDir);
  try {
    const intake = git.start(many ? ['index-pack', '--stdin', '--fix-thin'] : ['unpack-objects', '-q'], {
      gitDir,
      isolated: true,
      write: true,
      env: staging.env(),
    });
    intake.stdout.resume();
    await room.pack([commit, ...parents.map((parent) => `^${parent}`)], intake.stdin);
    const code = await intake.exit;
    if (code !== 0) throw new GitFailure('unpack-objects', code, intake.stderr());
    await staging.publish();
  } finally {
    await staging.remove();
  }
}
