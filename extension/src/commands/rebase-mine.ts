import { showFailure } from '../failure.ts';
import type { Services } from '../services.ts';
import { PeerweaveError } from '../shared/errors.ts';
import { ownersOf, short } from '../views/conflict-words.ts';
import { plain } from '../views/plain-text.ts';
import { chooseConflict, chooseTheirs } from './choose-conflict.ts';
import { confirm } from './confirm.ts';
import { settle } from './settle.ts';

const MERGE = 'Merge…';

/** Makes our commits anew on top of another side's. What does not apply by itself is offered to be merged. */
export async function rebaseMine(services: Services, argument: unknown): Promise<void> {
  const chosen = await chooseConflict(services.model, argument);
  const theirs = chosen && (await chooseTheirs(chosen));
  if (chosen === undefined || theirs === undefined) return;
  const branch = plain(chosen.conflict.branch);
  const who = ownersOf(chosen.session, theirs);
  const detail =
    `Your commits on ${branch} are made anew after ${short(theirs.oid)} of ${who}, with new ids. The old ones are kept, and Undo ` +
    'Last Sync brings them back. Nothing happens when one of them does not apply by itself.';
  if (!(await confirm(`Rebase your ${branch} onto ${who}?`, detail, 'Rebase'))) return;
  try {
    await settle(
      services,
      chosen,
      { how: 'rebase', onto: theirs.oid },
      `${branch} is rebased onto ${short(theirs.oid)}`,
    );
  } catch (error) {
    if (!(error instanceof PeerweaveError) || error.reason !== 'conflict-unresolved') throw error;
    const { repo } = chosen.session;
    void showFailure(services.log, 'Could not rebase', error, MERGE).then((choice) =>
      choice === MERGE ? services.resolve.show({ repo, branch: chosen.conflict.branch }) : undefined,
    );
  }
}
