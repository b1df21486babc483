import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PeerweaveError } from '../../../shared/errors.ts';
import {
  branchOf,
  branchRef,
  isBranchRef,
  isTagRef,
  type BranchName,
  type Oid,
  type RefName,
} from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import { DEFAULT_RECEIVE_LIMITS } from '../limits.ts';
import { peerRefs } from '../peer-refs.ts';
import type { CloneRequest, ReceiveLimits } from '../repository.ts';
import { fetchPack } from './fetch-pack.ts';
import { isMissing } from './files.ts';
import { checkSizes, connected, contained } from './gate.ts';
import { asFileFailure } from './git-failure.ts';
import { throwIfCancelled, type Git } from './git.ts';
import type { Intake } from './pack-intake.ts';
import { ProgressMeter } from './progress-meter.ts';
import { createRefReader } from './ref-reader.ts';
import { RefConflictError, RefTransaction, type RefChange } from './ref-transaction.ts';
import { Staging, sweepStaging } from './staging.ts';
import type { Advertisement, FetchPlan } from './upload-pack-client.ts';

export interface CloneContext {
  readonly git: Git;
  readonly log: Logger;
}

interface Job {
  readonly git: Git;
  readonly log: Logger;
  readonly request: CloneRequest;
  readonly root: string;
  readonly gitDir: string;
  readonly head: BranchName;
  readonly refs: ReadonlyMap<RefName, Oid>;
  readonly mirror: ReturnType<typeof peerRefs>['refs'];
  readonly limits: ReceiveLimits;
  readonly signal: AbortSignal;
  /** The tip that was checked out, once it was: from then on the folder may hold the user's work. */
  checkedOut?: Oid;
}

/**
 * Makes a full clone of a peer's repository, its tip first (C4): the head branch without history is fetched, checked out and
 * usable as a shallow clone; then the whole history comes in one pack, which the peer's git can copy from its own packs as it
 * lies because we say that we have nothing; then `shallow` goes. The user may commit in between.
 *
 * Throws what `receive` throws, and `folder-not-empty`. The folder is then as it was, unless the user has worked in it since it
 * became usable: that work stays, in a shallow clone.
 */
export async function clone({ git, log }: CloneContext, request: CloneRequest): Promise<void> {
  throwIfCancelled(request.signal);
  const created = await claimFolder(request.directory);
  // Of our own too: when one of the two fetches fails, the other must be over before the folder is cleared.
  const stop = new AbortController();
  const signal = request.signal === undefined ? stop.signal : AbortSignal.any([request.signal, stop.signal]);
  let job: Job | undefined;
  let history: Promise<void> | undefined;
  try {
    job = await begin(git, log, request, signal);
    if (job.refs.size > 0) {
      const usable = new Gate();
      const theJob = job;
      const startHistory = (): Promise<void> => (history ??= takeHistory(theJob, usable.opened));
      await takeTip(job, () => void startHistory().catch(() => undefined));
      usable.open();
      await startHistory();
    }
  } catch (error) {
    stop.abort();
    await history?.catch(() => undefined);
    const failure = asFileFailure(error);
    if (job?.checkedOut !== undefined && (resumable(failure, request.signal) || (await hasWork(job)))) {
      log.warn(`the clone into ${request.directory} has its tip but not its history yet; the folder stays`);
    } else await clear(request.directory, created);
    throw failure;
  }
}

/** The connection went, or the engine that cloned: the folder is usable, and `completeClone` goes on. */
function resumable(failure: unknown, signal: AbortSignal | undefined): boolean {
  const reason: unknown = signal?.aborted === true ? signal.reason : failure;
  return reason instanceof PeerweaveError && reason.reason === 'link-lost';
}

/**
 * Fetches the history of a clone that has only its tip, as `clone` left it when the connection or the engine went. Throws what
 * `receive` throws; the folder stays as it is.
 */
export async function completeClone({ git, log }: CloneContext, request: CloneRequest): Promise<void> {
  const signal = request.signal ?? new AbortController().signal;
  const job = jobOf(git, log, request, signal);
  await sweepStaging(job.gitDir, log);
  const tip = (await createRefReader(git, job.gitDir, 'files').all()).get(branchRef(job.head));
  if (tip !== undefined) job.checkedOut = tip;
  try {
    await takeHistory(job, Promise.resolve());
  } catch (error) {
    throw asFileFailure(error);
  }
}

/** A promise that is resolved from outside. */
class Gate {
  readonly opened: Promise<void>;
  open: () => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve) => (this.open = resolve));
  }
}

/** Returns whether the folder was created here. */
async function claimFolder(directory: string): Promise<boolean> {
  const created = (await mkdir(directory, { recursive: true })) !== undefined;
  const entries = await readdir(directory);
  if (entries.length === 0) return created;
  throw new PeerweaveError('folder-not-empty', `${directory} is not empty. Choose a new or an empty folder.`);
}

async function clear(directory: string, created: boolean): Promise<void> {
  if (created) return rm(directory, { recursive: true, force: true, maxRetries: 3 });
  for (const name of await readdir(directory)) {
    await rm(join(directory, name), { recursive: true, force: true, maxRetries: 3 });
  }
}

async function begin(git: Git, log: Logger, request: CloneRequest, signal: AbortSignal): Promise<Job> {
  const job = jobOf(git, log, request, signal);
  const format = `--object-format=${request.objectFormat}`;
  await git.run(['init', '--quiet', `--initial-branch=${job.head}`, format, job.root], { write: true, signal });
  return job;
}

function jobOf(git: Git, log: Logger, request: CloneRequest, signal: AbortSignal): Job {
  const { refs: mirror, refused } = peerRefs(request.namespace, request.refs);
  const bad = new Set<string>(refused.map(({ ref }) => ref));
  for (const { ref, why } of refused) log.warn(`not cloning ${JSON.stringify(ref)}: ${why}`);
  const refs = new Map([...request.refs].filter(([ref]) => !bad.has(ref)));
  const head = chooseHead(request.head, refs);
  const root = request.directory;
  const limits = { ...DEFAULT_RECEIVE_LIMITS, ...request.limits };
  return { git, log, request, root, gitDir: join(root, '.git'), head, refs, mirror, limits, signal };
}

/** The host's branch, else `main`, else the first. */
function chooseHead(asked: BranchName | undefined, refs: ReadonlyMap<RefName, Oid>): BranchName {
  const branches = [...refs.keys()].map(branchOf).filter((branch) => branch !== undefined);
  const main = 'main' as BranchName;
  if (asked !== undefined && (branches.length === 0 || branches.includes(asked))) return asked;
  return branches.includes(main) || branches[0] === undefined ? main : branches[0];
}

/**
 * Fetches and checks out the tip of the head branch; does nothing when the peer does not offer it just now. `onFetched` comes
 * as soon as the line is free.
 */
async function takeTip(job: Job, onFetched: () => void): Promise<void> {
  const tip = job.refs.get(branchRef(job.head));
  if (tip === undefined) return;
  const staging = await Staging.create(job.gitDir);
  try {
    const fetched = await fetchInto(job, staging, (offer) =>
      [...offer.refs.values()].includes(tip) ? { wants: [tip], haves: [], certain: true, tipOnly: true } : undefined,
    );
    if (fetched === undefined) return;
    onFetched();
    await checkSizes(job.git, job.gitDir, staging, job.limits, job.signal);
    if (!(await present(job, staging, fetched, [tip])).has(tip)) throw missing();
    await staging.publish();
  } finally {
    await staging.remove();
  }
  await checkOut(job, tip);
}

/** Fetches everything and writes the refs; checks out the tip too if that could not be done before. */
async function takeHistory(job: Job, hold: Promise<void>): Promise<void> {
  const { git, gitDir, limits, signal } = job;
  const staging = await Staging.create(gitDir);
  const tip = job.refs.get(branchRef(job.head));
  let here: Set<Oid>;
  try {
    const fetched = await fetchInto(job, staging, (offer) => planAll(job, offer), hold);
    if (fetched === undefined) throw missing();
    await checkSizes(git, gitDir, staging, limits, signal);
    here = await present(job, staging, fetched, [...new Set(job.refs.values())]);
    throwIfCancelled(signal);
    if (tip !== undefined && !here.has(tip)) throw missing();
    await staging.publish();
  } finally {
    await staging.remove();
  }
  await rm(join(gitDir, 'shallow'), { force: true });
  if (tip !== undefined && job.checkedOut === undefined) await checkOut(job, tip);
  await writeRefs(job, await remainingRefs(job, here));
}

/** Every ref of the manifest, or what it has become at the peer meanwhile. */
function planAll({ refs }: Job, offer: Advertisement): FetchPlan | undefined {
  const offered = new Set(offer.refs.values());
  const available = [...refs].map(([ref, oid]) => (offered.has(oid) ? oid : offer.refs.get(ref)));
  const wants = [...new Set(available.filter((oid) => oid !== undefined))];
  return wants.length === 0 ? undefined : { wants, haves: [], certain: true };
}

async function checkOut(job: Job, tip: Oid): Promise<void> {
  const { git, root, gitDir, signal } = job;
  const place = { cwd: root, gitDir, workTree: root };
  await git.run(['read-tree', '-m', '-u', '--no-recurse-submodules', tip], { ...place, write: true, signal });
  await writeRefs(job, [{ ref: branchRef(job.head), from: null, to: tip }]);
  job.checkedOut = tip;
  job.request.onUsable?.();
}

async function fetchInto(
  job: Job,
  staging: Staging,
  plan: (offer: Advertisement) => FetchPlan | undefined,
  hold?: Promise<void>,
): Promise<Intake | undefined> {
  const { git, gitDir, limits, signal, request } = job;
  const progress = new ProgressMeter(request.onProgress);
  const { connect } = request;
  const choose = async (offer: Advertisement): Promise<FetchPlan | undefined> => plan(offer);
  const holding = hold === undefined ? {} : { hold };
  return fetchPack({ git, gitDir, staging, limits, signal, progress, connect, plan: choose, ...holding });
}

/** Which ids are here with all they reach. */
function present(
  { git, gitDir, signal }: Job,
  staging: Staging,
  fetched: Intake,
  oids: readonly Oid[],
): Promise<Set<Oid>> {
  const check = fetched.selfContained ? contained : connected;
  return check(git, gitDir, staging, oids, signal);
}

const missing = (): PeerweaveError =>
  new PeerweaveError('object-missing', 'The host changed its branches while we were cloning. Try again.');

/** Every other branch, the tags and the peer's refs; what the user made meanwhile is left alone. */
async function remainingRefs({ git, gitDir, refs, mirror, head }: Job, here: ReadonlySet<Oid>): Promise<RefChange[]> {
  const existing = await createRefReader(git, gitDir, 'files').all();
  const local = [...refs].filter(([ref]) => (isBranchRef(ref) && branchOf(ref) !== head) || isTagRef(ref));
  const remote = [...mirror].map(([ref, { oid }]) => [ref, oid] as const);
  return [...local, ...remote]
    .filter(([ref, oid]) => !existing.has(ref) && here.has(oid))
    .map(([ref, to]) => ({ ref, from: null, to }));
}

/** One transaction; when a name of the user's is in the way, one for each ref, so that the rest still gets through. */
async function writeRefs({ git, gitDir, log, request }: Job, changes: readonly RefChange[]): Promise<void> {
  const transact = async (some: readonly RefChange[]): Promise<void> => {
    const transaction = new RefTransaction(git, gitDir, `clone: from ${request.namespace}`);
    try {
      await transaction.apply(some);
    } finally {
      await transaction.close();
    }
  };
  try {
    await transact(changes);
  } catch (error) {
    if (!(error instanceof RefConflictError) || changes.length < 2) throw error;
    for (const change of changes) {
      await transact([change]).catch(() => log.warn(`${change.ref} could not be created beside the refs that exist`));
    }
  }
}

/** True when the user has committed, switched or changed something since the tip was checked out. */
async function hasWork({ git, gitDir, root, head, checkedOut: tip }: Job): Promise<boolean> {
  if (tip === undefined) return false;
  try {
    const reader = createRefReader(git, gitDir, 'files');
    const branches = [...(await reader.all())].filter(([ref]) => isBranchRef(ref));
    if ((await reader.head(gitDir)) !== head || branches.some(([, oid]) => oid !== tip)) return true;
    const { stdout } = await git.run(['status', '--porcelain', '--ignored'], { cwd: root });
    return stdout !== '';
  } catch (error) {
    if (isMissing(error)) return false;
    return true;
  }
}
