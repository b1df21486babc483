import { PeerweaveError, type Reason } from '../../extension/src/shared/errors.ts';

/** The reason of what `run` throws; fails the test when it throws nothing or something untyped. */
export function reasonOf(run: () => unknown): Reason {
  try {
    run();
  } catch (error) {
    if (error instanceof PeerweaveError) return error.reason;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The same for a promise. */
export async function rejectionReason(promise: Promise<unknown>): Promise<Reason> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PeerweaveError) return error.reason;
    throw error;
  }
  throw new Error('nothing was thrown');
}
