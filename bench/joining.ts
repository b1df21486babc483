import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { git, revParse } from '../test/support/git.ts';
import type { Person, World } from '../test/support/people.ts';
import type { GeneratedRepository } from './generate-repository.ts';

/** Milliseconds from the start of the command. */
export interface JoinTimes {
  /** The folder can be worked in: the newest tree is checked out. */
  readonly usable: number;
  /** All history is there. */
  readonly complete: number;
}

interface JoinOptions {
  readonly flags?: readonly string[];
  /** Called when everything is here, before the guest leaves. */
  readonly whileJoined?: (person: Person) => Promise<void>;
}

/** From starting the process to *history* (the tip is checked out) and to *live* (everything is here). */
export async function joinSession(
  world: World,
  folder: string,
  invite: string,
  { flags = [], whileJoined }: JoinOptions = {},
): Promise<JoinTimes> {
  // A new key each time: this is somebody who joins for the first time.
  const person: Person = { name: 'bob', home: `${folder}-home`, repo: folder };
  const started = performance.now();
  const guest = world.join(person, invite, ...flags);
  try {
    const usable = guest.event((event) => event.event === 'session' && event.phase === 'history');
    const complete = guest.event((event) => event.event === 'session' && event.phase === 'live', {
      timeoutMs: 300_000,
    });
    const times = { usable: (await usable).at - started, complete: (await complete).at - started };
    await whileJoined?.(person);
    return times;
  } finally {
    await guest.stop();
    rmSync(person.home, { recursive: true, force: true });
  }
}

/** Nobody's unwritten pages are left to the next, and everybody finds the packs in memory. */
export function settle(origin: string): void {
  execFileSync('sync');
  const packs = join(origin, '.git', 'objects', 'pack');
  for (const name of readdirSync(packs)) readFileSync(join(packs, name));
}

/** Throws when the clone is not what it should be. */
export function verifyClone(
  folder: string,
  { tip, commits }: GeneratedRepository,
  { name, shallow }: { readonly name: string; readonly shallow?: boolean },
): void {
  const problem =
    revParse(folder, 'HEAD') !== tip
      ? 'another tip'
      : git(folder, 'status', '--porcelain') !== ''
        ? 'another worktree'
        : shallow === true
          ? undefined
          : existsSync(join(folder, '.git', 'shallow')) ||
              git(folder, 'rev-list', '--count', 'HEAD') !== String(commits)
            ? 'not all history'
            : undefined;
  if (problem !== undefined) throw new Error(`${name} made a clone with ${problem}`);
}
