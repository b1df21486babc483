import type { TimedEvent } from '../../test/support/engine-process.ts';
import { git, gitInput } from '../../test/support/git.ts';
import { generateRepository } from '../generate-repository.ts';
import { SMALL } from '../generator/shape.ts';
import { startPair, type Pair } from '../pair.ts';

/** Milliseconds of each round, at the peer that hears of the other's commit. */
export interface ShownConflicts {
  /** From the event that tells that the other's commit has been fetched to the one that tells the conflict. */
  readonly sinceFetched: number[];
  /** From the two commits on the same branch to that. */
  readonly sinceCommitted: number[];
}

/** How soon a conflict is shown, between two engines in processes of their own: each time two people make a branch of the same name. */
export async function timeShownConflicts(rounds: number, say: (text: string) => void): Promise<ShownConflicts> {
  const pair = await startPair(await generateRepository(SMALL));
  try {
    const shown: ShownConflicts = { sinceFetched: [], sinceCommitted: [] };
    // The first is thrown away: caches fill, code is compiled.
    for (let round = 0; round <= rounds; round++) {
      const times = await oneConflict(pair, `split/${round}`);
      if (round === 0) continue;
      shown.sinceFetched.push(times.sinceFetched);
      shown.sinceCommitted.push(times.sinceCommitted);
      say(`conflict ${round}: shown ${times.sinceFetched.toFixed(0)} ms after the fetch`);
    }
    return shown;
  } finally {
    await pair.end();
  }
}

async function oneConflict({ alice, bob, guest }: Pair, branch: string): Promise<Record<keyof ShownConflicts, number>> {
  const [ours, theirs] = [commitOnTop(bob.repo, 'Bob'), commitOnTop(alice.repo, 'Alice')];
  const from = guest.events.length;
  const committed = performance.now();
  git(bob.repo, 'update-ref', `refs/heads/${branch}`, ours, '');
  git(alice.repo, 'update-ref', `refs/heads/${branch}`, theirs, '');
  const conflict = await guest.event((event) => event.event === 'conflict' && event.branch === branch, { from });
  const fetched = await guest.event((event) => isFetched(event, branch, theirs), { from });
  return { sinceFetched: conflict.at - fetched.at, sinceCommitted: conflict.at - committed };
}

/** A commit that adds a file, on no branch. */
function commitOnTop(repo: string, who: string): string {
  const text = `${who} at ${performance.now()}`;
  const blob = gitInput(repo, text, 'hash-object', '-w', '--stdin');
  const entries = git(repo, 'ls-tree', 'HEAD');
  const tree = gitInput(repo, `${entries}\n100644 blob ${blob}\tsplit.txt\n`, 'mktree');
  return git(repo, 'commit-tree', tree, '-p', 'HEAD', '-m', text);
}

const isFetched = (event: TimedEvent, branch: string, tip: string): boolean =>
  event.event === 'ref' && event.ref.endsWith(`/${branch}`) && event.to === tip;
