import { isOid, type Oid } from '../../../shared/ids.ts';
import { throwIfCancelled, type Git, type GitProcess } from './git.ts';
import type { Staging } from './staging.ts';

/**
 * Which of these ids have everything they reach here, in staging or in the repository. One walk for the usual answer (all);
 * one for each id only when something is missing. `walk` may have been started earlier, beside other work.
 */
export async function connected(
  git: Git,
  gitDir: string,
  staging: Staging,
  oids: readonly Oid[],
  signal: AbortSignal,
  walk = new ConnectivityWalk(git, gitDir, staging, signal),
): Promise<Set<Oid>> {
  if (await walk.reaches(oids)) return new Set(oids);
  throwIfCancelled(signal);
  if (oids.length === 1) return new Set();
  const found = new Set<Oid>();
  for (const oid of oids) {
    if (await new ConnectivityWalk(git, gitDir, staging, signal).reaches([oid])) found.add(oid);
    throwIfCancelled(signal);
  }
  return found;
}

/** Whether an object of the repository, and everything that it reaches, is here. */
export async function isComplete(git: Git, gitDir: string, oid: Oid): Promise<boolean> {
  const args = ['rev-list', '--objects', '--quiet', oid, '--not', '--all'];
  const { code } = await git.run(args, { gitDir, isolated: true, answers: [0, 1, 128] });
  return code === 0;
}

/** `git rev-list` waiting for the ids to start from; walks from them down to what our refs already reach. */
export class ConnectivityWalk {
  private readonly process: GitProcess;

  constructor(git: Git, gitDir: string, staging: Staging, signal: AbortSignal) {
    // With --stdin first, git reads its input before it looks at refs and objects.
    this.process = git.start(['rev-list', '--stdin', '--objects', '--quiet', '--not', '--all'], {
      gitDir,
      isolated: true,
      env: staging.env(),
      signal,
    });
    this.process.stdout.resume();
  }

  /** May be called once. */
  async reaches(oids: readonly Oid[]): Promise<boolean> {
    this.process.stdin.end(oids.map((oid) => `${oid}\n`).join(''));
    return (await this.process.exit) === 0;
  }

  /** Ends a walk that was never asked. */
  async close(): Promise<void> {
    this.process.kill();
    await this.process.exit;
  }
}

/**
 * The same for a pack that index-pack found to refer to nothing outside itself: which of the ids are in it. Spares the walk
 * through a whole history that a clone would need.
 */
export async function contained(
  git: Git,
  gitDir: string,
  staging: Staging,
  oids: readonly Oid[],
  signal: AbortSignal,
): Promise<Set<Oid>> {
  const { stdout } = await git.run(['cat-file', '--batch-check=%(objectname)'], {
    gitDir,
    isolated: true,
    env: staging.aloneEnv(),
    input: oids.map((oid) => `${oid}\n`).join(''),
    signal,
  });
  // A line that is not the id alone says `<id> missing`.
  return new Set(stdout.split('\n').filter((line) => isOid(line)));
}
