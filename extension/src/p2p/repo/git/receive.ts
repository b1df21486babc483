import { createInterface } from 'node:readline';
import { messageOf, PeerweaveError } from '../../../shared/errors.ts';
import { branchRef, isOid, type Oid, type RefName } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import { DEFAULT_RECEIVE_LIMITS } from '../limits.ts';
import { peerRefs, PEERS_PREFIX } from '../peer-refs.ts';
import type { ReceiveRequest, ReceiveResult, RefMove } from '../repository.ts';
import type { ExpectedDiff } from './expected-diff.ts';
import { fetchPack } from './fetch-pack.ts';
import { connected, ConnectivityWalk } from './gate.ts';
import { asFileFailure } from './git-failure.ts';
import { throwIfCancelled, type Git } from './git.ts';
import { lazy } from './lazy.ts';
import { checkSizes } from './object-sizes.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { RefReader } from './ref-reader.ts';
import { RefTransaction, type RefChange } from './ref-transaction.ts';
import { Staging } from './staging.ts';
import type { Advertisement, FetchPlan } from './upload-pack-client.ts';

export interface ReceiveContext {
  readonly git: Git;
  readonly gitDir: string;
  readonly refs: RefReader;
  readonly diff: ExpectedDiff;
  readonly log: Logger;
}

/** See `Repository.receive`. */
export async function receive(context: ReceiveContext, request: ReceiveRequest): Promise<ReceiveResult> {
  const signal = request.signal ?? new AbortController().signal;
  throwIfCancelled(signal);
  const known = await context.refs.all();
  const { refs: mirror, refused: badNames } = peerRefs(request.namespace, request.refs);
  const badNamed = new Set(badNames.map(({ ref }) => ref));
  const wanted = new Map([...request.refs].filter(([ref]) => !badNamed.has(ref)));
  const tips = new Set(known.values());
  const absent = new Set([...wanted.values()].filter((oid) => !tips.has(oid)));
  const transaction = lazy(
    () => new RefTransaction(context.git, context.gitDir, `peerweave: received from ${request.namespace}`),
  );
  const asides: Promise<void>[] = [];
  try {
    const beside = (): void => void transaction();
    const aside = (task: Promise<void>): void => void asides.push(task);
    const need = { wanted, absent, known, signal, beside, aside };
    const got = absent.size === 0 ? NOTHING : await obtain(context, request, need);
    const missing = [...wanted].filter(([, oid]) => absent.has(oid) && !got.here.has(oid));
    if (missing.length > 0 && missing.length === wanted.size) {
      throw new PeerweaveError(
        'object-missing',
        'The peer no longer offers what it announced. Its next announcement is awaited.',
      );
    }
    const missingRefs = new Set(missing.map(([ref]) => ref));
    const changes = changesFor(request.namespace, mirror, missingRefs, known);
    if (changes.length > 0) await applyMirror(transaction(), changes);
    const refused = [
      ...badNames,
      ...missing.map(([ref]) => ({ ref, why: 'The peer moved it on meanwhile; its next announcement is awaited.' })),
    ];
    return { moves: changes, refused, bytes: got.bytes };
  } catch (error) {
    throw asFileFailure(error);
  } finally {
    await transaction.made?.close();
    await Promise.all(asides);
  }
}

interface Obtained {
  /** Which of the absent ids are now here with everything they reach. */
  readonly here: ReadonlySet<Oid>;
  readonly bytes: number;
}

const NOTHING: Obtained = { here: new Set(), bytes: 0 };

interface Need {
  readonly wanted: ReadonlyMap<RefName, Oid>;
  readonly absent: ReadonlySet<Oid>;
  readonly known: ReadonlyMap<RefName, Oid>;
  readonly signal: AbortSignal;
  /** Called while the peer is at work: git's start-up is most of what a small update takes, and it can be had meanwhile. */
  readonly beside: () => void;
  /** Takes what has to be done by the end, though nothing else waits for it. Must not reject. */
  readonly aside: (task: Promise<void>) => void;
}

/** Fetches what is absent, gates it and publishes it. */
async function obtain(context: ReceiveContext, request: ReceiveRequest, need: Need): Promise<Obtained> {
  const { git, gitDir } = context;
  const { signal } = need;
  const limits = { ...DEFAULT_RECEIVE_LIMITS, ...request.limits };
  const progress = new ProgressMeter(request.onProgress);
  const staging = await Staging.create(gitDir);
  let expectedMove = Promise.resolve();
  const walk = lazy(() => new ConnectivityWalk(git, gitDir, staging, signal));
  try {
    const fetched = await fetchPack({
      git,
      gitDir,
      staging,
      limits,
      progress,
      connect: request.connect,
      signal,
      plan: (offer) => planFetch(context, request.namespace, need, offer),
      beside: () => {
        walk();
        need.beside();
      },
    });
    if (fetched !== undefined) await checkSizes({ git, gitDir, staging, limits, signal });
    // Awaited when it is published, and of no use when it is not.
    staging.sync().catch(() => undefined);
    const connecting = connected(git, gitDir, staging, [...need.absent], signal, walk());
    expectedMove = expectMove(context, need, staging).catch(() => undefined);
    const here = await connecting;
    throwIfCancelled(signal);
    if (here.size > 0 && fetched !== undefined) await staging.publish();
    return { here, bytes: fetched?.bytes ?? 0 };
  } finally {
    await walk.made?.close();
    const removed = expectedMove.then(() => staging.remove());
    need.aside(
      removed.catch((error: unknown) => context.log.warn(`could not remove ${staging.path}: ${messageOf(error)}`)),
    );
  }
}

/** The branch that is checked out is what most updates are for, and its files the most that is left to do. */
async function expectMove({ refs, gitDir, diff }: ReceiveContext, need: Need, staging: Staging): Promise<void> {
  const head = await refs.head(gitDir);
  if (head === undefined) return;
  const [from, to] = [need.known.get(branchRef(head)), need.wanted.get(branchRef(head))];
  if (from !== undefined && to !== undefined && need.absent.has(to)) await diff.expect(from, to, staging.env());
}

/**
 * Wants are tips that the peer offers now: the wanted id itself where it still is a tip, else whatever its ref has become,
 * which contains the wanted id if the branch only moved forward.
 */
async function planFetch(
  context: ReceiveContext,
  namespace: string,
  { wanted, absent, known }: Need,
  offer: Advertisement,
): Promise<FetchPlan | undefined> {
  const offered = new Set(offer.refs.values());
  const tips = new Set(known.values());
  const wants = new Set<Oid>();
  for (const [ref, oid] of wanted) {
    if (!absent.has(oid)) continue;
    const want = offered.has(oid) ? oid : offer.refs.get(ref);
    if (want !== undefined && !tips.has(want)) wants.add(want);
  }
  if (wants.size === 0) return undefined;
  const prefix = `${PEERS_PREFIX}${namespace}/`;
  const shared = [...known].filter(([ref, oid]) => ref.startsWith(prefix) || offered.has(oid)).map(([, oid]) => oid);
  // A peer has what it sent us before; only with a stranger is it worth asking where the histories meet.
  if (shared.length > 0) return { wants: [...wants], haves: new Set(shared), certain: true, update: true };
  return { wants: [...wants], haves: known.size > 0 ? history(context) : [], certain: known.size === 0 };
}

/** Our commits, newest first, for as long as somebody asks. */
async function* history({ git, gitDir }: ReceiveContext): AsyncGenerator<Oid> {
  const process = git.start(['rev-list', '--all'], { gitDir, isolated: true });
  process.stdin.end();
  try {
    for await (const line of createInterface({ input: process.stdout })) if (isOid(line)) yield line;
  } finally {
    process.kill();
    await process.exit;
  }
}

/** What makes the namespace match the manifest. A ref whose objects did not come keeps its old value. */
function changesFor(
  namespace: string,
  mirror: ReturnType<typeof peerRefs>['refs'],
  missing: ReadonlySet<RefName>,
  known: ReadonlyMap<RefName, Oid>,
): RefMove[] {
  const changes: RefMove[] = [];
  for (const [ref, { source, oid }] of mirror) {
    const from = known.get(ref) ?? null;
    if (!missing.has(source) && from !== oid) changes.push({ ref, from, to: oid });
  }
  const prefix = `${PEERS_PREFIX}${namespace}/`;
  for (const [ref, from] of known)
    if (ref.startsWith(prefix) && !mirror.has(ref)) changes.push({ ref, from, to: null });
  return changes;
}

/** Deletions go first, in a transaction of their own: `topic` must be gone before `topic/x` can be created. */
export async function applyMirror(transaction: RefTransaction, changes: readonly RefChange[]): Promise<void> {
  await transaction.apply(changes.filter(({ to }) => to === null));
  await transaction.apply(changes.filter(({ to }) => to !== null));
}
