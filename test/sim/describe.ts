import type { SyncEffect, SyncEvent } from '../../extension/src/p2p/sync/model.ts';
import { branchOf, type Oid, type RefName } from '../../extension/src/shared/ids.ts';

/** One line for a trace. */
export function describe(what: SyncEvent | SyncEffect): string {
  const { type, ...rest } = what;
  return `${type} ${JSON.stringify(rest, (key, value: unknown) => (value instanceof Map ? namesOf(value as Map<RefName, Oid>) : shorten(key, value)))}`;
}

const namesOf = (refs: ReadonlyMap<RefName, Oid>): Record<string, string> =>
  Object.fromEntries([...refs].map(([ref, oid]) => [branchOf(ref) ?? ref, oid.slice(0, 6)]));

const shorten = (key: string, value: unknown): unknown =>
  typeof value === 'string' && (/^[0-9a-f]{40}$/.test(value) || key === 'peer')
    ? value.slice(0, key === 'peer' ? 10 : 6)
    : value;
