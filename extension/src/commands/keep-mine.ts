import type { Services } from '../services.ts';
import { ownersOf } from '../views/conflict-words.ts';
import { plain } from '../views/plain-text.ts';
import { chooseConflict } from './choose-conflict.ts';
import { confirm } from './confirm.ts';
import { settle } from './settle.ts';

/** Settles a branch by our files. */
export async function keepMine(services: Services, argument: unknown): Promise<void> {
  const chosen = await chooseConflict(services.model, argument);
  if (chosen === undefined) return;
  const branch = plain(chosen.conflict.branch);
  const others = chosen.conflict.candidates.filter(({ mine }) => !mine);
  const whose = others.map((candidate) => ownersOf(chosen.session, candidate)).join(', ');
  const detail =
    `All files of ${branch} stay as you have them. A merge commit joins the sides: the commits of ${whose} stay in the history ` +
    'and are kept besides, and their branches move to it. Undo Last Sync takes it back here.';
  if (!(await confirm(`Keep your version of ${branch}?`, detail, 'Keep Mine'))) return;
  await settle(services, chosen, { how: 'mine' }, `${branch} is settled with your files`);
}
