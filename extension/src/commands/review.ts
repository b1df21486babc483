import { PeerweaveError } from '../shared/errors.ts';
import { plain } from '../views/plain-text.ts';
import { confirm } from './confirm.ts';

/**
 * Does something that may bring in files which run code on opening (SY6): where the engine wants them reviewed, asks, and does it again
 * as reviewed. Undefined when the person thinks better of it.
 */
export async function withReview<T>(run: (reviewed: boolean) => Promise<T>): Promise<T | undefined> {
  try {
    return await run(false);
  } catch (error) {
    if (!(error instanceof PeerweaveError) || error.reason !== 'review-needed') throw error;
    const detail = `${plain(error.message, 500)}\n\nLook at these files first, for instance by Compare.`;
    return (await confirm('Bring in files that can run code?', detail, 'I Have Looked')) ? run(true) : undefined;
  }
}
