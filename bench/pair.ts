import { World, type Person } from '../test/support/people.ts';
import type { EngineProcess } from '../test/support/engine-process.ts';
import { git, revParse } from '../test/support/git.ts';
import type { GeneratedRepository } from './generate-repository.ts';

export interface Pair {
  readonly alice: Person;
  readonly bob: Person;
  readonly host: EngineProcess;
  readonly guest: EngineProcess;
  /** Stops both engines and removes both repositories. */
  end(): Promise<void>;
}

/** A clone with a worktree that a benchmark may write to. Objects are hard-linked, so that it takes no time. */
export function workingCopy(from: GeneratedRepository, to: string): void {
  git('/', 'clone', '--quiet', '--local', from.path, to);
  git(to, 'remote', 'remove', 'origin');
  if (revParse(to, 'HEAD') !== from.tip) throw new Error(`${to} is not at ${from.tip}`);
}

/** Two engines in processes of their own: Alice shares a copy of the repository, Bob has joined and everything has arrived. */
export async function startPair(repository: GeneratedRepository): Promise<Pair> {
  const world = new World();
  try {
    const [alice, bob] = [world.person('alice'), world.person('bob')];
    workingCopy(repository, alice.repo);
    const host = world.share(alice, '--approve', 'auto');
    const guest = world.join(bob, await host.invite());
    await guest.event((event) => event.event === 'synced');
    await host.event((event) => event.event === 'synced');
    return { alice, bob, host, guest, end: () => world.end() };
  } catch (error) {
    await world.end();
    throw error;
  }
}
