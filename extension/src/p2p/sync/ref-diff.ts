import { branchOf, type BranchName, type Oid, type RefName } from '../../shared/ids.ts';
import type { Refs } from './model.ts';

/** A ref that differs between two snapshots; `null` is absent. */
export interface RefChange {
  readonly ref: RefName;
  readonly from: Oid | null;
  readonly to: Oid | null;
}

/** What changed from one snapshot of refs to another, in time linear in their sizes. */
export function diffRefs(before: Refs, after: Refs): RefChange[] {
  if (before === after) return [];
  const changes: RefChange[] = [];
  for (const [ref, to] of after) {
    const from = before.get(ref) ?? null;
    if (from !== to) changes.push({ ref, from, to });
  }
  for (const [ref, from] of before) {
    if (!after.has(ref)) changes.push({ ref, from, to: null });
  }
  return changes;
}

/** The branches among these refs. */
export function* branchesOf(refs: Iterable<RefName>): Iterable<BranchName> {
  for (const ref of refs) {
    const branch = branchOf(ref);
    if (branch !== undefined) yield branch;
  }
}
