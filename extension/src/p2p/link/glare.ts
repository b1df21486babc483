import type { PeerId } from '../../shared/ids.ts';

/** What decides between two links with one peer. Both ends know the same of it. */
export interface GlareFacts {
  readonly self: PeerId;
  readonly peer: PeerId;
  readonly dialer: boolean;
  readonly dial: number;
  readonly remote: { readonly instance: string };
}

/**
 * Two peers dialed each other at once, or one dialed again because it lost the first link: which of the two links stays (LI5)? True when
 * it is `newer`, the one that came later here.
 *
 * Both ends compute this from the same facts and so agree, in whatever order the links came up on each:
 * of links dialed by different peers the one dialed by the lower id stays; of two by the same peer, its later dial.
 * A peer that has restarted since `older` has no such link any more; then only `newer` is real.
 */
export function newerSurvives(older: GlareFacts, newer: GlareFacts): boolean {
  if (older.remote.instance !== newer.remote.instance) return true;
  if (older.dialer !== newer.dialer) return dialedByLower(newer);
  return newer.dial > older.dial;
}

const dialedByLower = ({ self, peer, dialer }: GlareFacts): boolean => dialer === self < peer;
