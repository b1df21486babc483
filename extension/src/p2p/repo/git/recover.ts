import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../../shared/errors.ts';
import { branchRef } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import type { ActivityLog } from './activity-log.ts';
import { exists } from './files.ts';
import type { Git } from './git.ts';
import { IndexLock } from './index-lock.ts';
import { identityOf, Journal, type JournalEntry, type JournalRecord } from './journal.ts';
import { settleMarkerMerge } from './marker-merge-record.ts';
import { outlived } from './process-alive.ts';
import type { RefReader } from './ref-reader.ts';
import { reflogTells } from './reflog.ts';
import { RefTransaction } from './ref-transaction.ts';
import { ABSENT, diffTrees, treesOf, type TreeChange } from './tree-diff.ts';
import { undoUpdate } from './undo-update.ts';
import { at, updateWorktree, type Place } from './worktree-update.ts';

export interface RecoverContext {
  readonly git: Git;
  readonly gitDir: string;
  readonly refs: RefReader;
  readonly log: Logger;
}

/** Milliseconds that git processes of a crashed engine get to end: their input ended with it, but a checkout goes on to its end. */
const ORPHAN_MS = 10_000;
const ORPHAN_POLL_MS = 20;

/**
 * Ends the moves that a crash cut short (SY11); those that happened go to the activity log. Never throws for what it finds: a move that
 * cannot be ended now (the index is locked by somebody, say) is told in the log and left for the next opening.
 */
export async function recoverMoves(context: RecoverContext, activity: ActivityLog): Promise<void> {
  const { gitDir, log } = context;
  for (const record of await new Journal(gitDir).leftovers(log)) {
    const { branch } = record.entry;
    try {
      const end = await recover(context, record);
      if (end === 'moved') await activity.add(record);
      else if (end === 'unmoved') await record.remove();
      else log.warn(`the interrupted move of ${branch} waits for the next opening: ${end.obstacle}`);
    } catch (error) {
      log.warn(`the interrupted move of ${branch} could not be ended: ${messageOf(error)}`);
    }
  }
}

async function recover(
  context: RecoverContext,
  record: JournalRecord,
): Promise<'moved' | 'unmoved' | { readonly obstacle: string }> {
  if (!(await orphansEnded(record))) return { obstacle: 'its git is still at work' };
  await releaseLeftLocks(record);
  const { worktree, branch } = record.entry;
  if (worktree === null || !(await exists(worktree.gitDir)))
    return (await happened(context, record.entry)) ? 'moved' : 'unmoved';
  const lock = await IndexLock.take(worktree.gitDir, record);
  if (lock === undefined) return { obstacle: 'somebody holds the index' };
  try {
    if (record.entry.markers !== undefined) {
      const outcome = await settleMarkerMerge(context, record.entry, worktree, lock);
      context.log.info(`the interrupted merge into ${branch} was ${outcome}`);
      return 'unmoved';
    }
    const outcome = await settleMove(context, record, worktree, lock);
    if (outcome === 'over') return (await happened(context, record.entry)) ? 'moved' : 'unmoved';
    context.log.info(`the interrupted move of ${branch} was ${outcome}`);
    return outcome === 'finished' ? 'moved' : 'unmoved';
  } finally {
    await lock.release();
  }
}

/** Whether the ref had moved. Where the user has gone on since, the reflog tells. */
async function happened(
  { git, gitDir, refs }: RecoverContext,
  { branch, from, to, message, at: begun, markers }: JournalEntry,
): Promise<boolean> {
  if (markers !== undefined) return false;
  const current = await refs.one(branchRef(branch));
  if (current === from || current === to || to === null) return current === to;
  return reflogTells({ git, gitDir }, branchRef(branch), { to, message, since: begun });
}

/**
 * Brings ref, index and files together again: when the index got to the new commit, the ref follows, or if it cannot, index and
 * files go back; otherwise the files that were already written go back. `over` when the ref has gone elsewhere: then the user
 * went on, and nothing is touched.
 */
export async function settleMove(
  { git, gitDir, refs, log }: RecoverContext,
  record: JournalRecord,
  worktree: Place,
  lock: IndexLock,
): Promise<'over' | 'finished' | 'undone'> {
  const { entry } = record;
  const [from, to] = treesOf(entry);
  const current = await refs.one(branchRef(entry.branch));
  if (current !== entry.from) return current === entry.to ? 'finished' : 'over';
  const changes = await diffTrees(git, gitDir, from, to);
  if (!(await indexHolds(git, worktree, changes))) {
    await undoUpdate(git, worktree, lock, from, to);
    return 'undone';
  }
  try {
    await finish(git, gitDir, entry);
    return 'finished';
  } catch (error) {
    log.warn(`${entry.branch} could not follow its worktree, which goes back: ${messageOf(error)}`);
    const refusal = await updateWorktree(git, worktree, { lock, record }, to, from);
    if (refusal !== undefined) throw error;
    return 'undone';
  }
}

async function finish(git: Git, gitDir: string, { branch, from, to, message }: JournalEntry): Promise<void> {
  const transaction = new RefTransaction(git, gitDir, message);
  try {
    await transaction.apply([{ ref: branchRef(branch), from, to }]);
  } finally {
    await transaction.close();
  }
}

async function orphansEnded(record: JournalRecord): Promise<boolean> {
  const [{ processes }, begunAt] = await Promise.all([record.held(), record.begunAt()]);
  for (let waited = 0; processes.some((pid) => outlived(pid, begunAt)); waited += ORPHAN_POLL_MS) {
    if (waited >= ORPHAN_MS) return false;
    await delay(ORPHAN_POLL_MS);
  }
  return true;
}

/** Ref locks that git took for the move and could not let go, because it was killed too. Anybody else's of that name stays. */
export async function releaseLeftLocks(record: JournalRecord): Promise<void> {
  for (const { path, identity } of (await record.held()).locks) {
    if (identityOf(path) === identity) await rm(path, { force: true });
  }
}

/** True when the index has the new side of every change. Git replaces an index whole, so one state or the other is there. */
async function indexHolds(git: Git, worktree: Place, changes: readonly TreeChange[]): Promise<boolean> {
  if (changes.length === 0) return false;
  const { stdout } = await git.run(['ls-files', '--stage', '-z'], { ...at(worktree), maxOutput: 1024 * 1024 * 1024 });
  const entries = new Map<string, string>();
  for (const line of stdout.split('\0')) {
    const tab = line.indexOf('\t');
    if (tab > 0) entries.set(line.slice(tab + 1), line.slice(0, tab));
  }
  return changes.every(({ path, toMode, toOid }) => {
    const entry = entries.get(path);
    return toMode === ABSENT ? entry === undefined : entry === `${toMode} ${toOid} 0`;
  });
}
