import type { ActivityEntry } from '../../rpc/conflicts.ts';
import { plain } from './output.ts';

const WHAT: Record<ActivityEntry['kind'], string> = {
  'fast-forward': 'fast-forward',
  created: 'created',
  merge: 'merged',
  resolve: 'resolved',
  rebase: 'rebased',
  follow: 'followed',
  kept: 'restored',
  'own-merge': 'own merge',
  undo: 'undo',
};

/** A move in one line, for `activity`: the id last, as `undo --id` takes it. */
export function activityText(entry: ActivityEntry): string {
  const { at, kind, branch, from, to, by, undone, id } = entry;
  const who = by === undefined ? '' : `  by ${by}`;
  const marks = undone ? '  (undone)' : '';
  return plain(`${timeText(at)}  ${WHAT[kind]}  ${branch}  ${short(from)} → ${short(to)}${who}${marks}  ${id}`);
}

/** What an undo did, in one line. */
export function undoneText({ branch, from, to }: ActivityEntry): string {
  const done = from === null ? `${branch} is gone again` : `${branch} is back at ${short(from)}`;
  return plain(`${done}; it was at ${short(to)}. Syncing leaves it so.`);
}

/** Local time to the second, the same width always. */
function timeText(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

const short = (oid: string | null): string => (oid === null ? '(none)' : oid.slice(0, 8));
