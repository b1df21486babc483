import type { BranchState, PeerStanding } from '../../extension/src/p2p/sync/model.ts';
import { branchRef, type BranchName, type Oid } from '../../extension/src/shared/ids.ts';
import type { CommitGraph } from './commit-graph.ts';
import type { SimEngine } from './sim-engine.ts';
import { hold } from './violation.ts';

/**
 * What must be so once all are linked and nothing happens any more (CO7, and the simulator's own: see `SimRepository` for what must be so
 * at every step). The simulator knows every commit, so each standing is held against the truth.
 */
export function checkQuiet(engines: readonly SimEngine[], graph: CommitGraph): void {
  for (const here of engines) {
    for (const there of engines) {
      if (here === there) continue;
      checkExchange(here, there, graph);
      for (const branch of allBranches([here, there])) checkBranch(here, there, branch, graph);
    }
    checkConflicts(here, graph);
    checkKept(here, engines, graph);
  }
}

/** No commit is lost: whatever its author did not give up is on a ref here, and a copy of it with everyone else. */
function checkKept(here: SimEngine, engines: readonly SimEngine[], graph: CommitGraph): void {
  const { made, refs } = here.repository;
  hold(
    made.isWithin(here.repository.reachable()),
    () => `a commit that ${name(here)} made is on no ref there any more`,
  );
  // What is only kept is served to nobody.
  const shared = made.intersection(graph.reach(refs.values()));
  for (const there of engines) {
    const refusing = there.core.peerState(here.id)?.refused.length !== 0;
    hold(
      there === here || refusing || there.repository.hasAll(shared),
      () => `${name(there)} lacks a commit of ${name(here)}`,
    );
  }
}

/** Branches on which not all peers are equal. */
export const differing = (engines: readonly SimEngine[]): BranchName[] =>
  allBranches(engines).filter((branch) => new Set(engines.map(({ repository }) => repository.tip(branch))).size > 1);

export const allBranches = (engines: readonly SimEngine[]): BranchName[] => [
  ...new Set(engines.flatMap(({ repository }) => repository.branches())),
];

/** Everything announced is here, said to be here, and nothing is outstanding. */
function checkExchange(here: SimEngine, there: SimEngine, graph: CommitGraph): void {
  const pair = `${name(here)} of ${name(there)}`;
  const state = here.core.peerState(there.id);
  const seq = there.manifest?.seq;
  hold(
    state?.fetchedSeq === seq,
    () => `${pair}: the newest manifest is ${String(seq)}, fetched is ${String(state?.fetchedSeq)}`,
  );
  hold(state?.fetching === false && state.error === undefined, () => `${pair}: still fetching or failed`);
  hold(
    state.inSync && state.syncedSeq === seq && here.synced.get(there.id) === seq,
    () => `${pair}: never said to be synced`,
  );
  const announced = there.manifest?.refs ?? new Map<string, Oid>();
  const actual = there.repository.refs;
  hold(
    announced.size === actual.size && [...actual].every(([ref, oid]) => announced.get(ref) === oid),
    () => `${name(there)} announced other refs than it has`,
  );
  const refused = new Set(state.refused);
  const missing = [...actual].find(([ref, oid]) => !refused.has(ref) && !here.repository.hasAll(graph.history(oid)));
  hold(missing === undefined, () => `${pair}: ${String(missing)} is not here`);
  hold(there.acks.get(here.id) === seq || refused.size > 0, () => `${pair}: not acknowledged`);
  for (const [ref, oid] of actual) {
    if (!ref.startsWith('refs/tags/') || here.repository.refs.has(ref)) continue;
    hold(here.repository.deletedByUser(ref), () => `${pair}: tag ${ref} ${oid} was never made`);
  }
}

/** The standing of the branch is true, and whatever keeps the two from being equal is one of the reasons that there are. */
function checkBranch(here: SimEngine, there: SimEngine, branch: BranchName, graph: CommitGraph): void {
  const state = stateOf(here, branch);
  const standing = standingOf(here, there, branch);
  const refused = here.core.peerState(there.id)?.refused.includes(branchRef(branch)) === true;
  const [local, remote] = [here.repository.tip(branch), there.repository.tip(branch)];
  const told = `${name(here)} of ${name(there)}: ${branch} ${short(local)} ${short(remote)} is ${standing?.standing ?? 'not planned'}`;
  if (refused) return hold(standing === undefined, () => told);
  hold(standing !== undefined && state !== undefined, () => told);
  hold(
    (state.local ?? undefined) === local && (standing.remote ?? undefined) === remote,
    () => `${told}, from other tips`,
  );
  hold(allowed({ here, there, branch, local, remote, graph, state }).includes(standing.standing), () => told);
}

interface Pair {
  readonly here: SimEngine;
  readonly there: SimEngine;
  readonly branch: BranchName;
  readonly local: Oid | undefined;
  readonly remote: Oid | undefined;
  readonly graph: CommitGraph;
  readonly state: BranchState;
}

/** The standings that the truth allows. */
function allowed({ here, there, branch, local, remote, graph, state }: Pair): PeerStanding['standing'][] {
  const inTheWay = here.repository.dirty && here.repository.head === branch;
  const waits: PeerStanding['standing'][] = inTheWay && state.pending !== undefined ? ['fast-forward'] : [];
  const rewroteHere = here.repository.rewritten.has(branch);
  const rewroteThere = there.repository.rewritten.has(branch);
  const back = standingOf(there, here, branch)?.standing;
  const followsNot =
    back === undefined || back === 'fast-forward' || back === 'rewound-here' || back === 'deleted-here';
  const behind: PeerStanding['standing'][] = followsNot ? ['remote-behind'] : [];
  if (local === remote) return ['equal'];
  if (local === undefined) return rewroteHere ? ['deleted-here'] : [];
  if (remote === undefined) return rewroteThere ? ['deleted-there', ...behind] : behind;
  if (graph.contains(remote, local)) return rewroteHere ? ['rewound-here', ...waits] : waits;
  if (graph.contains(local, remote)) return rewroteThere ? ['rewound-there', ...behind] : behind;
  const rewrites: PeerStanding['standing'][] = [];
  if (rewroteHere) rewrites.push('rewound-here');
  if (rewroteThere || followsRewrite(state, there, remote, graph)) rewrites.push('rewound-there');
  const { sameTree, patchEqual } = graph.relation(local, remote);
  return [sameTree ? 'same-tree' : patchEqual === true ? 'patch-equal' : 'diverged', ...rewrites];
}

/** True when what the peer has contains what another, by its own hand, rewrote ours to. */
const followsRewrite = ({ peers }: BranchState, there: SimEngine, remote: Oid, graph: CommitGraph): boolean =>
  peers.some(
    ({ peer, standing, remote: tip }) =>
      peer !== there.id && standing === 'rewound-there' && tip !== null && graph.contains(remote, tip),
  );

/** A conflict is shown exactly where a branch has diverged, with sides none of which contains another. */
function checkConflicts(here: SimEngine, graph: CommitGraph): void {
  for (const { branch, conflict, peers } of here.core.branches()) {
    const diverged = peers.some(({ standing }) => standing === 'diverged');
    const told = `${name(here)}: conflict of ${branch}`;
    if (conflict === undefined) {
      // One side may contain all others and wait, or be refused, as a rewind that is not undone: then it is no conflict.
      hold(!diverged || peers.some(({ standing }) => standing === 'fast-forward'), () => `${told} is not shown`);
      continue;
    }
    hold(diverged && conflict.length > 1, () => `${told} is shown without cause`);
    const tips = conflict.map(({ tip }) => tip);
    const nested = tips.some((tip) => tips.some((other) => other !== tip && graph.contains(other, tip)));
    hold(!nested, () => `${told} has a side that another contains`);
  }
}

export const name = ({ id }: SimEngine): string => id.slice(7, 8);
const short = (oid: Oid | undefined): string => oid?.slice(0, 6) ?? 'nothing';

const stateOf = (engine: SimEngine, branch: BranchName): BranchState | undefined =>
  engine.core.branches().find((state) => state.branch === branch);

const standingOf = (here: SimEngine, there: SimEngine, branch: BranchName): PeerStanding | undefined =>
  stateOf(here, branch)?.peers.find(({ peer }) => peer === there.id);
