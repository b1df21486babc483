import type { ActivityEntry } from '../../rpc/conflicts.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { branchRef } from '../../shared/ids.ts';
import type { LoggedMove, UndoRefusal } from '../repo/activity.ts';
import type { RefMove, Repository, RefSnapshot } from '../repo/repository.ts';
import type { SyncDriver } from './sync-driver.ts';
import { describeUndoRefusal } from './undo-text.ts';

/** What the history needs of the session around it. */
export interface MoveHistoryParts {
  readonly repository: Repository;
  readonly driver: SyncDriver;
  /** Tells that a branch moved because of us. */
  readonly moved: (move: RefMove) => void;
  /** Saves the session's record. */
  readonly save: () => Promise<void>;
}

/** What was moved for the user of a session, and how it is taken back (SY13). */
export class MoveHistory {
  private readonly parts: MoveHistoryParts;

  constructor(parts: MoveHistoryParts) {
    this.parts = parts;
  }

  /** The newest `limit` moves, newest first. */
  async entries(limit: number): Promise<ActivityEntry[]> {
    const { repository } = this.parts;
    const [moves, now] = await Promise.all([repository.activity(), repository.snapshot()]);
    return moves.slice(0, limit).map((move) => entryOf(move, now));
  }

  /**
   * Takes a move back, or the last that was not taken back. The sync then leaves the branch where it is until the user asks: what was taken
   * back counts as thrown away here (`sync/standing.ts`). Throws `undo-refused` and why, or `disk-full`; nothing has happened then.
   */
  async undo(id: string | undefined): Promise<ActivityEntry> {
    const { repository, driver, moved, save } = this.parts;
    const result = await repository.undo(id);
    if (!result.undone) throw undoFailure(result.refusal);
    const { branch, from, to } = result.entry;
    moved({ ref: branchRef(branch), from: to, to: from });
    // The core has to have seen it, and that has to be saved, before anybody may think it done.
    await driver.refresh();
    await save();
    return entryOf(result.entry, await repository.snapshot());
  }
}

function undoFailure(refusal: UndoRefusal): PeerweaveError {
  const full = refusal.kind === 'move' && refusal.refusal.kind === 'disk-full';
  return new PeerweaveError(full ? 'disk-full' : 'undo-refused', describeUndoRefusal(refusal));
}

function entryOf(move: LoggedMove, now: RefSnapshot): ActivityEntry {
  const { by, worktree, undoes, ...rest } = move;
  return {
    ...rest,
    ...(by === undefined ? {} : { by }),
    ...(worktree === undefined ? {} : { worktree }),
    ...(undoes === undefined ? {} : { undoes }),
    undoable: move.kind !== 'own-merge' && !move.undone && (now.refs.get(branchRef(move.branch)) ?? null) === move.to,
  };
}
