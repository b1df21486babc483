/**
 * Trees of the simulator: a few slots that hold one value each, as a repository has files with contents, written as one number. Enough for
 * changes that merge, changes that conflict, and the same changes made twice.
 */
export const SLOTS = 4;
/** Values that users write; the one above them stands for a conflict between merge bases, as git writes its markers into such a base. */
export const VALUES = 7;
const WIDTH = VALUES + 1;

/** The tree with one slot changed. */
export function edit(tree: number, slot: number, value: number): number {
  const weight = WIDTH ** slot;
  return tree + (value - valueAt(tree, slot)) * weight;
}

export const valueAt = (tree: number, slot: number): number => Math.floor(tree / WIDTH ** slot) % WIDTH;

/** A three-way merge, slot by slot; undefined when some slot conflicts. */
export function mergeTrees(base: number, ours: number, theirs: number): number | undefined {
  const merged = mergeSlots(base, ours, theirs);
  return merged.clean ? merged.tree : undefined;
}

/** The same for merge bases among themselves, where a conflict is only noted. */
export const mergeBaseTrees = (base: number, ours: number, theirs: number): number =>
  mergeSlots(base, ours, theirs).tree;

function mergeSlots(base: number, ours: number, theirs: number): { tree: number; clean: boolean } {
  let tree = 0;
  let clean = true;
  for (let slot = 0; slot < SLOTS; slot++) {
    const [o, a, b] = [valueAt(base, slot), valueAt(ours, slot), valueAt(theirs, slot)];
    const value = a === b ? a : a === o ? b : b === o ? a : undefined;
    if (value === undefined) clean = false;
    tree = edit(tree, slot, value ?? VALUES);
  }
  return { tree, clean };
}
