import { relative, isAbsolute, sep } from 'node:path';
import type { MarkerMergeView } from '../../rpc/conflicts.ts';
import type { ConflictView } from '../../rpc/model.ts';
import type { P2PManager } from '../manager.ts';
import type { Session } from '../session/session.ts';

/** A worktree in which something diverged, or is being merged with markers. */
export interface Place {
  /** The key of the session in requests. */
  readonly repo: string;
  readonly session: Session;
  /** The worktree's folder, with links resolved. */
  readonly root: string;
  /** The conflict of the branch that is checked out. */
  readonly conflict: ConflictView | undefined;
  readonly merge: MarkerMergeView | undefined;
}

/** All that prompts depend on but the documents. */
export interface Surroundings {
  readonly places: readonly Place[];
  /** The same for the same surroundings. */
  readonly signature: string;
}

/** Looks at every session that runs. Cheap where nothing diverged and no merge is under way. */
export async function readSurroundings(manager: Pick<P2PManager, 'sessions'>): Promise<Surroundings> {
  const live = manager.sessions.filter(({ phase }) => phase === 'live');
  const places = (await Promise.all(live.map(placesOf))).flat();
  const signature = JSON.stringify(
    places.map(({ repo, root, conflict, merge }) => [repo, root, facts(conflict), merge]),
  );
  return { places, signature };
}

/** Who is at it, and what a strategy makes of it, changes no prompt. */
const facts = (conflict: ConflictView | undefined): unknown =>
  conflict === undefined ? null : [conflict.branch, conflict.candidates];

async function placesOf(session: Session): Promise<Place[]> {
  const { repo, conflicts } = session.view();
  const diverged = conflicts.filter(({ kind }) => kind === 'diverged');
  const merge = await session.desks.markers.view();
  if (diverged.length === 0 && merge === undefined) return [];
  const worktrees = await session.repository.checkedOut();
  return worktrees.flatMap(({ root, branch }): Place[] => {
    const conflict = diverged.find((one) => one.branch === branch);
    const here = merge?.root === root ? merge : undefined;
    return conflict === undefined && here === undefined ? [] : [{ repo, session, root, conflict, merge: here }];
  });
}

/** The place that a file (its path with links resolved) is in, and its path there as git spells it. */
export function placeOf(
  places: readonly Place[],
  file: string,
): { readonly place: Place; readonly path: string } | undefined {
  const found = places
    .map((place) => ({ place, path: relative(place.root, file) }))
    .filter(({ path }) => path !== '' && !path.startsWith(`..${sep}`) && path !== '..' && !isAbsolute(path))
    // A worktree may lie in another.
    .sort((a, b) => b.place.root.length - a.place.root.length)[0];
  if (found === undefined) return undefined;
  const path = found.path.split(sep).join('/');
  return path.startsWith('.git/') ? undefined : { place: found.place, path };
}
