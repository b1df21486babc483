import type { BranchName, Oid, PeerId } from '../../shared/ids.ts';
import type { BranchState, ConflictCandidate, PeerStanding, Settling } from './model.ts';

interface Common {
  readonly branch: BranchName;
  /** What those concerned last agreed on with us, without repetition, sorted; empty where they never did. */
  readonly bases: readonly Oid[];
}

/**
 * What people have to look at of a branch, as data (D1, SY7). `diverged` blocks the branch until it is settled; the other two are shown and
 * offered, and everything goes on.
 */
export type BranchConflict =
  | (Common & {
      readonly kind: 'diverged';
      /** The local side first, the others by id. */
      readonly candidates: readonly ConflictCandidate[];
      readonly settling: Settling | undefined;
    })
  | (Common & {
      readonly kind: 'rewound-there';
      /** Ours, and where they went back to. */
      readonly candidates: readonly [ConflictCandidate, ConflictCandidate];
      /** Commits that we have and they took back, and that they have instead. */
      readonly ahead: number;
      readonly behind: number;
    })
  | (Common & {
      readonly kind: 'deleted-there';
      readonly candidates: readonly [ConflictCandidate];
      /** Who deleted it. */
      readonly peers: readonly PeerId[];
    });

/** Everything of the branches that people have to look at, in the order of the branches; the same states give the same list. */
export function branchConflicts(states: readonly BranchState[]): BranchConflict[] {
  return states.flatMap((state) => [...divergence(state), ...rewinds(state), ...deletions(state)]);
}

function* divergence({ branch, conflict, peers, settling }: BranchState): Iterable<BranchConflict> {
  if (conflict === undefined) return;
  const tips = new Set(conflict.map(({ tip }) => tip));
  const concerned = peers.filter(({ remote }) => remote !== null && tips.has(remote));
  yield { kind: 'diverged', branch, bases: basesOf(concerned), candidates: conflict, settling };
}

/** One for each tip that somebody went back to. */
function* rewinds(state: BranchState): Iterable<BranchConflict> {
  const rewound = state.peers.filter(({ standing }) => standing === 'rewound-there');
  for (const tip of [...new Set(rewound.map(({ remote }) => remote))].sort()) {
    const concerned = rewound.filter(({ remote }) => remote === tip);
    const [first] = concerned;
    const ours = oursOf(state);
    if (tip === null || first === undefined || ours === undefined) continue;
    const theirs = { tip, owners: concerned.map(({ peer }) => peer).sort() };
    const { ahead, behind } = first;
    yield {
      kind: 'rewound-there',
      branch: state.branch,
      bases: basesOf(concerned),
      candidates: [ours, theirs],
      ahead,
      behind,
    };
  }
}

function* deletions(state: BranchState): Iterable<BranchConflict> {
  const concerned = state.peers.filter(({ standing }) => standing === 'deleted-there');
  const ours = oursOf(state);
  if (concerned.length === 0 || ours === undefined) return;
  const peers = concerned.map(({ peer }) => peer).sort();
  yield { kind: 'deleted-there', branch: state.branch, bases: basesOf(concerned), candidates: [ours], peers };
}

function oursOf({ local, peers }: BranchState): ConflictCandidate | undefined {
  if (local === null) return undefined;
  const equal = peers.filter(({ standing }) => standing === 'equal').map(({ peer }) => peer);
  return { tip: local, owners: [null, ...equal.sort()] };
}

const basesOf = (peers: readonly PeerStanding[]): Oid[] =>
  [...new Set(peers.map(({ base }) => base))].filter((base) => base !== null).sort();
