import type { Services } from '../services.ts';
import { ownersOf, short } from '../views/conflict-words.ts';
import { plain } from '../views/plain-text.ts';
import { chooseConflict, chooseTheirs } from './choose-conflict.ts';
import { confirm } from './confirm.ts';
import { settle } from './settle.ts';

/** Settles a branch by the files of another side. */
export async function takeTheirs(services: Services, argument: unknown): Promise<void> {
  const chosen = await chooseConflict(services.model, argument);
  const theirs = chosen && (await chooseTheirs(chosen));
  if (chosen === undefined || theirs === undefined) return;
  const branch = plain(chosen.conflict.branch);
  const who = ownersOf(chosen.session, theirs);
  const detail =
    `All files of ${branch} become as they are in ${short(theirs.oid)}. A merge commit joins the sides: your commits stay in ` +
    'the history and are kept besides, and everybody else moves to it. Undo Last Sync takes it back.';
  if (!(await confirm(`Take ${branch} as ${who} ${have(who)} it?`, detail, 'Take Theirs'))) return;
  await settle(services, chosen, { how: 'theirs', tip: theirs.oid }, `${branch} is settled with their files`);
}

const have = (who: string): string => (who.includes(',') ? 'have' : 'has');
