import type { Services } from '../services.ts';
import { happenedTo, short } from '../views/conflict-words.ts';
import { plain } from '../views/plain-text.ts';
import { chooseConflict, mineOf, type ChosenConflict } from './choose-conflict.ts';
import { confirm } from './confirm.ts';
import { settle } from './settle.ts';

/** Does here what a peer did to a branch there (SY7): moves it back, or deletes it. */
export async function followPeer(services: Services, argument: unknown): Promise<void> {
  const chosen = await chooseConflict(services.model, argument, ['rewound-there', 'deleted-there']);
  if (chosen === undefined) return;
  const plan = planOf(chosen);
  const kept = `Your ${short(mineOf(chosen.conflict)?.oid ?? '')} is kept: Restore Kept Commit… makes it a branch again.`;
  if (!(await confirm(plan.question, `${plan.detail} ${kept}`, plan.action))) return;
  await settle(services, chosen, { how: 'follow', tip: plan.tip }, plan.done);
}

interface Plan {
  readonly tip: string | null;
  readonly question: string;
  readonly detail: string;
  readonly action: string;
  readonly done: string;
}

function planOf({ session, conflict }: ChosenConflict): Plan {
  const branch = plain(conflict.branch);
  const happened = happenedTo(session, conflict);
  const theirs = conflict.candidates.find(({ mine }) => !mine);
  if (conflict.kind === 'deleted-there' || theirs === undefined) {
    return {
      tip: null,
      question: `Delete ${branch} here too?`,
      detail: `${happened}.`,
      action: 'Delete Branch',
      done: `${branch} is deleted; its commits are kept`,
    };
  }
  return {
    tip: theirs.oid,
    question: `Move ${branch} back to ${short(theirs.oid)}?`,
    detail: `${happened}. Your branch and, where it is checked out, its files go there too.`,
    action: 'Move Back',
    done: `${branch} is at ${short(theirs.oid)}; what it had is kept`,
  };
}
