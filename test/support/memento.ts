import type { DraftMemory } from '../../extension/src/views/resolve-drafts.ts';

/** What the editor keeps with a workspace, in memory. */
export function memoryOf(entries: Readonly<Record<string, unknown>> = {}): DraftMemory {
  const kept = new Map(Object.entries(entries));
  return {
    get: (key) => kept.get(key),
    keys: () => [...kept.keys()],
    update: (key, value) => {
      if (value === undefined) kept.delete(key);
      else kept.set(key, structuredClone(value));
      return Promise.resolve();
    },
  };
}
