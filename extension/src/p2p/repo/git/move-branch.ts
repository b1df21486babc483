import { join } from 'node:path';
import { asPeerweaveError, messageOf, PeerweaveError } from '../../../shared/errors.ts';
import { branchRef, type BranchName } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import { needsForward, type MoveKind } from '../move-kind.ts';
import type { MoveRefusal, MoveRequest, MoveResult } from '../repository.ts';
import { sensitivePaths } from '../sensitive-paths.ts';
import { refNameProblem } from '../ref-name.ts';
import type { ActivityLog } from './activity-log.ts';
import type { ExpectedDiff } from './expected-diff.ts';
import { exists } from './files.ts';
import type { Git } from './git.ts';
import { asFileFailure } from './git-failure.ts';
import type { RepositoryTraits } from './inspect.ts';
import { IndexLock } from './index-lock.ts';
import { Journal, type JournalRecord } from './journal.ts';
import type { RefReader } from './ref-reader.ts';
import { RefConflictError, RefTransaction } from './ref-transaction.ts';
import { isAncestor } from './relate.ts';
import { releaseLeftLocks, settleMove } from './recover.ts';
import { ABSENT, treesOf, type TreeChange } from './tree-diff.ts';
import { untrackedInTheWay, updateWorktree, type Place } from './worktree-update.ts';
import { listWorktrees, type Worktree } from './worktrees.ts';

export interface MoveContext {
  readonly git: Git;
  readonly gitDir: string;
  readonly traits: RepositoryTraits;
  readonly refs: RefReader;
  readonly diff: ExpectedDiff;
  readonly activity: ActivityLog;
  readonly log: Logger;
}

/**
 * See `Repository.moveBranch`. The order, and what a crash after each step leaves for `recover`:
 * journal (nothing happened) → lock and verify the ref (git lets the lock go) → index and files (finished or undone) → the ref
 * (done) → the journal's entry becomes the activity log's.
 */
export async function moveBranch(context: MoveContext, request: MoveRequest): Promise<MoveResult> {
  // Beside the checks: git's start-up is most of what a small move takes.
  const transaction = new RefTransaction(context.git, context.gitDir, request.message);
  try {
    const refusal = await attempt(context, request, transaction);
    return refusal === undefined ? { moved: true } : { moved: false, refusal };
  } catch (error) {
    if (error instanceof RefConflictError) return { moved: false, refusal: refusalOf(error) };
    const { reason, message } = asPeerweaveError(asFileFailure(error));
    context.log.warn(`moving ${request.branch} failed: ${message}`);
    return { moved: false, refusal: { kind: reason === 'disk-full' ? reason : 'failed', message } };
  } finally {
    await transaction.close();
  }
}

async function attempt(
  context: MoveContext,
  request: MoveRequest,
  transaction: RefTransaction,
): Promise<MoveRefusal | undefined> {
  const { branch, from } = request;
  const problem = refNameProblem(branchRef(branch));
  if (problem !== undefined) return failed(`The branch name ${problem}.`);
  const holders = (await listWorktrees(context.refs, context.gitDir)).filter(
    ({ head, operatesOn }) => head === branch || operatesOn === branch,
  );
  const busy = holders.find(({ operation }) => operation !== undefined);
  if (busy?.operation !== undefined) return { kind: 'operation-in-progress', operation: busy.operation };
  const [worktree, second] = holders;
  if (second !== undefined)
    return failed(`${branch} is checked out in two worktrees; switch one of them to another branch.`);
  if (worktree !== undefined && request.to === null) return { kind: 'checked-out', root: worktree.root };
  const [current, conflict, forward, check] = await Promise.all([
    context.refs.one(branchRef(branch)),
    from === null ? nameConflict(context, branch) : undefined,
    mayGo(context, request),
    worktree === undefined ? undefined : checkWorktree(context, worktree, request),
  ]);
  if (current !== from) return { kind: 'ref-moved' };
  if (conflict !== undefined) return conflict;
  if (!forward) return failed(`${branch} would not move forward.`);
  if (check !== undefined || request.onlyCheck === true) return check;
  return perform(context, request, transaction, worktree);
}

const kindOf = ({ kind, from }: MoveRequest): MoveKind => kind ?? (from === null ? 'created' : 'fast-forward');

/** Forward only, unless a person chose the move (SY5). */
async function mayGo({ git, gitDir }: MoveContext, request: MoveRequest): Promise<boolean> {
  const { from, to } = request;
  if (!needsForward(kindOf(request))) return from !== null || to !== null;
  return to !== null && (from === null || isAncestor(git, gitDir, from, to));
}

async function perform(
  context: MoveContext,
  request: MoveRequest,
  transaction: RefTransaction,
  worktree: Worktree | undefined,
): Promise<MoveRefusal | undefined> {
  const { branch, from, to, message, by, undoes } = request;
  const place = worktree === undefined ? null : { root: worktree.root, gitDir: worktree.gitDir };
  const record = await new Journal(context.gitDir).write({
    branch,
    from,
    to,
    message,
    kind: kindOf(request),
    ...(by === undefined ? {} : { by }),
    ...(undoes === undefined ? {} : { undoes }),
    at: Date.now(),
    worktree: place,
    pid: process.pid,
  });
  let end: 'moved' | 'unmoved' | 'unsettled' = 'unmoved';
  try {
    await transaction.prepare([{ ref: branchRef(branch), from, to }]);
    // From here on the branch cannot be elsewhere and come back unseen.
    if (request.withdrawn?.aborted === true) return { kind: 'ref-moved' };
    record.hold({ process: transaction.pid, locks: locksOf(context, worktree, request) });
    const refusal = await (place === null
      ? moveAlone(context, record, transaction)
      : moveWithWorktree(context, record, place, transaction));
    if (refusal === undefined) end = 'moved';
    return refusal;
  } catch (error) {
    if (error instanceof UnsettledError) end = 'unsettled';
    throw error;
  } finally {
    // First git's locks, then the note of whose they are.
    await transaction.close();
    if (end === 'moved') await context.activity.add(record);
    else if (end === 'unmoved') await record.remove();
    else record.leave();
  }
}

/** The ref alone, of a branch that is checked out nowhere. */
async function moveAlone(
  { refs }: MoveContext,
  record: JournalRecord,
  transaction: RefTransaction,
): Promise<undefined> {
  try {
    await transaction.commit();
  } catch (error) {
    // Git was killed, perhaps after it had done it.
    await transaction.close();
    await releaseLeftLocks(record);
    const { branch, to } = record.entry;
    if ((await refs.one(branchRef(branch))) !== to) throw error;
  }
}

/** The files that `git update-ref` holds between `prepare` and `commit` (refs/files-backend.c, refs/reftable-backend.c). */
function locksOf(
  { gitDir, traits }: MoveContext,
  worktree: Worktree | undefined,
  { branch, to }: MoveRequest,
): string[] {
  if (traits.refFormat === 'reftable') return [join(gitDir, 'reftable', 'tables.list.lock')];
  const lock = join(gitDir, `${branchRef(branch)}.lock`);
  if (to === null) return [lock, join(gitDir, 'packed-refs.lock')];
  // HEAD is locked along, for its reflog, where it names the branch.
  return worktree?.gitDir === gitDir ? [lock, join(gitDir, 'HEAD.lock')] : [lock];
}

/** Worktree and branch are not together, and could not be brought together; the journal keeps the move for the next opening. */
class UnsettledError extends PeerweaveError {
  constructor(move: unknown, settling: unknown) {
    const { reason, message } = asPeerweaveError(asFileFailure(move));
    const also = `Going back failed too, and is tried again on opening: ${messageOf(settling)}`;
    super(reason, `${message} ${also}`, { cause: settling });
  }
}

/** Index and files, then the ref; or a refusal or an error with all as they were. */
async function moveWithWorktree(
  context: MoveContext,
  record: JournalRecord,
  worktree: Place,
  transaction: RefTransaction,
): Promise<MoveRefusal | undefined> {
  const { from, to } = record.entry;
  const lock = await IndexLock.take(worktree.gitDir, record);
  if (lock === undefined) return { kind: 'locked', path: join(worktree.gitDir, 'index.lock') };
  try {
    const refusal = await updateWorktree(context.git, worktree, { lock, record }, ...treesOf({ from, to }));
    if (refusal === undefined) await transaction.commit();
    return refusal;
  } catch (error) {
    // It began and could not go on: the disk is full, a folder is not writable, git was killed.
    await transaction.close();
    if ((await settle(context, record, worktree, lock, error)) === 'finished') return undefined;
    throw error;
  } finally {
    await lock.release();
  }
}

async function settle(
  context: MoveContext,
  record: JournalRecord,
  worktree: Place,
  lock: IndexLock,
  cause: unknown,
): Promise<'over' | 'finished' | 'undone'> {
  try {
    await releaseLeftLocks(record);
    return await settleMove(context, record, worktree, lock);
  } catch (error) {
    throw new UnsettledError(cause, error);
  }
}

/** What keeps a checked-out branch from moving; undefined when nothing does. */
async function checkWorktree(
  { diff, traits }: MoveContext,
  worktree: Worktree,
  { from, to, reviewed }: MoveRequest,
): Promise<MoveRefusal | undefined> {
  const lock = join(worktree.gitDir, 'index.lock');
  const [locked, present] = await Promise.all([exists(lock), exists(worktree.root)]);
  if (locked) return { kind: 'locked', path: lock };
  if (!present)
    return failed(`${worktree.root}, where it is checked out, is not there; \`git worktree prune\` forgets it.`);
  const changes = await diff.between(...treesOf({ from, to }));
  if (reviewed !== true) {
    const paths = sensitivePaths(appearing(changes), traits.hooksPath);
    if (paths.length > 0) return { kind: 'sensitive-files', paths };
  }
  const paths = await untrackedInTheWay(worktree, changes);
  return paths.length > 0 ? { kind: 'local-changes', paths } : undefined;
}

const appearing = (changes: readonly TreeChange[]): string[] =>
  changes.filter(({ toMode }) => toMode !== ABSENT).map(({ path }) => path);

/** A branch in the way of a new one: `topic` of `topic/x`, or one that differs by case where the file system ignores case. */
async function nameConflict({ refs, traits }: MoveContext, branch: BranchName): Promise<MoveRefusal | undefined> {
  const fold = (name: string): string => (traits.ignoreCase ? name.normalize('NFC').toLowerCase() : name);
  const mine = fold(branch);
  for (const other of await refs.branchNames()) {
    if (other === branch) continue;
    const theirs = fold(other);
    if (theirs === mine || theirs.startsWith(`${mine}/`) || mine.startsWith(`${theirs}/`)) {
      return { kind: 'name-conflict', with: other };
    }
  }
  return undefined;
}

function refusalOf({ conflict }: RefConflictError): MoveRefusal {
  if (conflict.kind !== 'name-conflict') return conflict;
  return { kind: 'name-conflict', with: conflict.with.replace(/^refs\/heads\//, '') as BranchName };
}

const failed = (message: string): MoveRefusal => ({ kind: 'failed', message });
