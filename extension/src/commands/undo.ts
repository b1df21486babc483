import * as vscode from 'vscode';
import type { ActivityEntry } from '../rpc/conflicts.ts';
import type { Services } from '../services.ts';
import { headline, lastMove, undoInWords } from '../views/activity-words.ts';
import { ago } from '../views/ago.ts';
import { nowForPeople } from '../views/moment.ts';
import { plain } from '../views/plain-text.ts';
import { isLive } from '../views/view-state.ts';
import { chooseSession, targetOf } from './choose.ts';
import { conflictTargetOf } from './choose-conflict.ts';
import { confirm } from './confirm.ts';
import { sayQuietly } from './settle.ts';

/** *Undo Last Sync*: puts back what the last move did (SY13), or with a row of the Activity view that one's. */
export async function undo({ engine, model }: Services, argument: unknown): Promise<void> {
  const target = await conflictTargetOf(argument);
  const session = await chooseSession(model, target === undefined ? argument : { target }, isLive);
  if (session === undefined) return;
  const { repo } = session;
  const { entries } = await engine.request('peerweave/activity', { repo });
  const wanted = targetOf(argument)?.entry;
  const entry = wanted === undefined ? lastMove(entries) : entries.find(({ id }) => id === wanted);
  if (entry === undefined || entry.undone) {
    const why = entry === undefined ? 'There is nothing to undo.' : 'This has been undone already.';
    void vscode.window.showInformationMessage(why);
    return;
  }
  if (!(await confirm(`Undo: ${headline(entry).text}?`, detailOf(entry), 'Undo'))) return;
  await engine.request('peerweave/undo', { repo, id: entry.id });
  sayQuietly(`Undone: ${headline(entry).text}`);
}

function detailOf(entry: ActivityEntry): string {
  const who = entry.by === undefined ? 'You did this' : `This came from ${plain(entry.by)}`;
  return (
    `${undoInWords(entry)}\n${who} ${ago(entry.at, nowForPeople())}. ` +
    'The others keep what they have. The commits stay in the repository, and nothing that is not committed is touched.'
  );
}
