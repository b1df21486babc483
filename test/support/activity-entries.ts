import type { ActivityEntry } from '../../extension/src/rpc/conflicts.ts';
import { oidOf } from './conflict-details.ts';

/** Bea's commit moved main forward. */
export const someEntry = (part: Partial<ActivityEntry> = {}): ActivityEntry => ({
  id: 'e1',
  at: 1_000_000,
  kind: 'fast-forward',
  branch: 'main',
  from: oidOf('1'),
  to: oidOf('2'),
  by: 'Bea',
  undone: false,
  undoable: true,
  ...part,
});
