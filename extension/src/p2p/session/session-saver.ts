import type { EngineEvent } from '../../rpc/contract.ts';
import { asPeerweaveError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { asFileFailure } from '../repo/git/git-failure.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';

/** Saves a session's record, and tells of it once when that fails, until a save succeeds again. */
export class SessionSaver {
  private readonly store: SessionStore;
  private readonly log: Logger;
  private readonly tell: (event: EngineEvent) => void;
  private failed = false;

  constructor(store: SessionStore, log: Logger, tell: (event: EngineEvent) => void) {
    this.store = store;
    this.log = log;
    this.tell = tell;
  }

  /** Resolves when it is on the disk, or could not be saved. */
  async save(record: () => SessionRecord): Promise<void> {
    try {
      await this.store.save(record);
      this.failed = false;
    } catch (error) {
      const { reason, message } = asPeerweaveError(asFileFailure(error));
      this.log.error(`Cannot save the session: ${message}`);
      if (!this.failed) this.tell({ event: 'error', reason, message: `Cannot save the session: ${message}` });
      this.failed = true;
    }
  }
}
