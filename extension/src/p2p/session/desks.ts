import type { BranchName, PeerId } from '../../shared/ids.ts';
import type { Repository, RefMove } from '../repo/repository.ts';
import type { SyncCore } from '../sync/sync-core.ts';
import type { Activity } from './activity.ts';
import { ConflictDesk, type ConflictDeskParts } from './conflict-desk.ts';
import { MarkerDesk } from './marker-desk.ts';
import { MoveHistory } from './move-history.ts';
import type { People } from './people.ts';
import type { SessionRecord } from './session-store.ts';
import type { StrategyBook } from './strategy-book.ts';
import type { SyncDriver } from './sync-driver.ts';

/** The session around its desks. */
export interface DesksAround extends Pick<ConflictDeskParts, 'settings' | 'log' | 'now' | 'changed' | 'save'> {
  readonly record: SessionRecord;
  readonly repository: Repository;
  readonly core: SyncCore;
  readonly driver: SyncDriver;
  readonly strategies: StrategyBook;
  readonly people: Pick<People, 'members' | 'mesh'>;
  readonly activity: Activity;
}

/** Where people settle what diverged, and take back what was moved. */
export interface Desks {
  /** What is known of conflicts, and how they are settled. */
  readonly conflicts: ConflictDesk;
  /** How a conflict is settled by markers in the files. */
  readonly markers: MarkerDesk;
  /** What was moved, and how it is taken back. */
  readonly history: MoveHistory;
}

export function createDesks({ people, activity, record, ...shared }: DesksAround): Desks {
  const { members, mesh } = people;
  const { repository, driver, core, save } = shared;
  const nameOf = (peer: PeerId): string => members.nameOf(peer);
  // Moved by a person here.
  const moved = (moves: readonly RefMove[]): void => activity.refsMoved(repository.info.root, moves, record.self);
  const conflicts = new ConflictDesk({ ...shared, name: record.name, nameOf, links: () => mesh.links(), moved });
  const atWork = (branch: BranchName, active: boolean): void => conflicts.announce(branch, active);
  const namespace = (peer: PeerId): string => members.namespace(peer);
  return {
    conflicts,
    markers: new MarkerDesk({ repository, core, driver, name: record.name, nameOf, namespace, atWork }),
    history: new MoveHistory({ repository, driver, moved: (move) => moved([move]), save }),
  };
}
