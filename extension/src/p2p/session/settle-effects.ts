import { asPeerweaveError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Repository } from '../repo/repository.ts';
import type { SyncEffect, SyncEvent } from '../sync/model.ts';

type EffectOf<T extends SyncEffect['type']> = Extract<SyncEffect, { type: T }>;

export interface SettleContext {
  readonly repository: Repository;
  readonly log: Logger;
  /** Fires when the session ends. */
  readonly signal: AbortSignal;
}

/** Makes the merge that the core asks for. Never rejects: a failure is the core's to try again. */
export async function mergeSides(
  { repository, log, signal }: SettleContext,
  { branch, heads, take }: EffectOf<'merge'>,
): Promise<SyncEvent> {
  try {
    const result = await repository.mergeHeads({ branch, heads, signal, ...(take === undefined ? {} : { take }) });
    if (result.outcome === 'merged') {
      return { type: 'merged', branch, commit: result.commit, parents: result.parents };
    }
    const files = result.outcome === 'conflicts' ? result.files.map(({ path }) => path).slice(0, 5) : [];
    log.info(`${branch} does not merge by itself${files.length > 0 ? `: ${files.join(', ')}` : ''}`);
    return { type: 'merge-refused', branch, why: 'conflicts' };
  } catch (error) {
    if (!signal.aborted) log.warn(`Cannot merge what diverged on ${branch}: ${asPeerweaveError(error).message}`);
    return { type: 'merge-refused', branch, why: 'failed' };
  }
}

/** Keeps the tips that are about to lose. Never rejects; without `kept` nothing goes on. */
export async function keepSides(
  { repository, log, signal }: SettleContext,
  { branch, tips }: EffectOf<'keep'>,
): Promise<SyncEvent> {
  try {
    await repository.keepTips(branch, tips);
    return { type: 'kept', branch };
  } catch (error) {
    if (!signal.aborted) log.warn(`Cannot keep what would lose on ${branch}: ${asPeerweaveError(error).message}`);
    return { type: 'keep-refused', branch };
  }
}
