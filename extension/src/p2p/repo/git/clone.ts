import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Duplex } from 'node:stream';
import { join } from 'node:path';
import { deferred } from '../../../shared/deferred-promise.ts';
import { messageOf, PeerweaveError } from '../../../shared/errors.ts';
import { branchRef, type Oid } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import type { CloneRequest } from '../repository.ts';
import { CloneFolder } from './clone-folder.ts';
import { cloneJob, findRoots, hasWork, remainingRefs, tipOf, writeRefs, type CloneJob } from './clone-job.ts';
import { findDuplicates } from './duplicate-packs.ts';
import { fetchPack, HeldTooLong, type FetchPackOptions } from './fetch-pack.ts';
import { connected, contained } from './gate.ts';
import { asFileFailure } from './git-failure.ts';
import { throwIfCancelled, type Git } from './git.ts';
import { checkSizes } from './object-sizes.ts';
import type { Intake } from './pack-intake.ts';
import { ProgressMeter } from './progress-meter.ts';
import { findRefReader } from './ref-reader.ts';
import { Staging, sweepStaging } from './staging.ts';
import type { Advertisement, FetchPlan } from './upload-pack-client.ts';

export interface CloneContext {
  readonly git: Git;
  readonly log: Logger;
}

/** Milliseconds that the peer's git is left with a history that it has ready; it gives up after twice as many (`serve.ts`). */
const HISTORY_PATIENCE_MS = 60_000;

/**
 * A process for each core but the one that git needs to read the history meanwhile, where there are enough files to be worth it
 * (git-config(1), `checkout.thresholdForParallelism`).
 */
const PARALLEL_CHECKOUT = [`checkout.workers=${Math.max(1, availableParallelism() - 1)}`];

/** What is known of a clone that is complete. */
export interface Cloned {
  /** Root commits of the branches that were cloned; undefined when there were none, or nobody could tell. */
  readonly roots?: readonly Oid[];
}

/**
 * Makes a full clone of a peer's repository, its tip first (C4): the head branch without history is fetched, checked out and
 * usable as a shallow clone; then the whole history comes in one pack, which the peer's git can copy from its own packs as it
 * lies because we say that we have nothing; then `shallow` goes, and so does the pack that the tip came in. The user may commit in
 * between.
 *
 * The history is asked for as soon as the peer is at work on the tip, read once the tip is here, and published once it is usable: the
 * peer's git gets ready behind its work on the tip, the line is the tip's alone, and files are checked out while history arrives.
 *
 * Throws what `receive` throws, and `folder-not-empty`. The folder is then as it was, unless the user has worked in it since it
 * became usable: that work stays, in a shallow clone.
 */
export async function clone(context: CloneContext, request: CloneRequest): Promise<Cloned> {
  throwIfCancelled(request.signal);
  const { git, log } = context;
  const folder = await CloneFolder.claim(git, request.directory);
  // Of our own too: when one of the two fetches fails, the other must be over before the folder is cleared.
  const stop = new AbortController();
  const signal = request.signal === undefined ? stop.signal : AbortSignal.any([request.signal, stop.signal]);
  const job = cloneJob(context, request, folder, signal);
  const tip = { fetched: deferred(), usable: deferred() };
  let history: Promise<Cloned> | undefined;
  try {
    await initialise(job);
    if (job.refs.size > 0) {
      const startHistory = (): Promise<Cloned> =>
        (history ??= takeHistory(job, tip.fetched.promise, tip.usable.promise));
      const begun = (): void => void startHistory().catch(() => undefined);
      await takeTip(job, { onAsked: begun, onFetched: tip.fetched.resolve });
      tip.fetched.resolve();
      tip.usable.resolve();
      await startHistory();
    }
    await folder.complete();
    return (await history) ?? {};
  } catch (error) {
    stop.abort();
    // A history that waits for the tip finds that it is over.
    tip.fetched.resolve();
    tip.usable.resolve();
    await history?.catch(() => undefined);
    const failure = asFileFailure(error);
    if (job.checkedOut !== undefined && (resumable(failure, request.signal) || (await hasWork(job)))) {
      log.warn(`the clone into ${request.directory} has its tip but not its history yet; the folder stays`);
      folder.leave();
    } else await folder.clear();
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
export async function completeClone(context: CloneContext, request: CloneRequest): Promise<Cloned> {
  const signal = request.signal ?? new AbortController().signal;
  const folder = await CloneFolder.reclaim(request.directory);
  const job = cloneJob(context, request, folder, signal);
  await sweepStaging(job.gitDir, context.log);
  const tip = await (await findRefReader(job.git, job.gitDir)).one(branchRef(job.head));
  if (tip !== null) job.checkedOut = tip;
  try {
    const cloned = await takeHistory(job);
    await folder.complete();
    return cloned;
  } catch (error) {
    throw asFileFailure(error);
  }
}

async function initialise({ git, request, root, head, signal }: CloneJob): Promise<void> {
  const format = `--object-format=${request.objectFormat}`;
  await git.run(['init', '--quiet', `--initial-branch=${head}`, format, root], { write: true, signal });
}

interface TipEvents {
  /** The peer is at work on it. */
  readonly onAsked: () => void;
  /** All of it is here, and about to be checked. */
  readonly onFetched: () => void;
}

/** Fetches and checks out the tip of the head branch; does nothing when the peer does not offer it just now. */
async function takeTip(job: CloneJob, { onAsked, onFetched }: TipEvents): Promise<void> {
  const tip = tipOf(job);
  if (tip === undefined) return;
  const staging = await Staging.create(job.gitDir);
  try {
    const plan = (offer: Advertisement): FetchPlan | undefined =>
      [...offer.refs.values()].includes(tip) ? { wants: [tip], haves: [], certain: true, tipOnly: true } : undefined;
    const fetched = await fetchInto(job, staging, 'tip', plan, { beside: onAsked });
    if (fetched === undefined) return;
    onFetched();
    const [, found] = await allDone([
      checkSizes({ ...job, staging }),
      present(job, staging, fetched, [tip]),
      staging.sync(),
    ]);
    if (!found.has(tip)) throw missing();
    await job.folder.tipHere(tip, await staging.publish());
  } finally {
    await staging.remove();
  }
  await checkOut(job, tip);
}

/**
 * Fetches everything and writes the refs; checks out the tip too if that could not be done before. Reads nothing before `hold`
 * resolves, and looks at the repository only after `tipTaken` does.
 */
async function takeHistory(job: CloneJob, hold = Promise.resolve(), tipTaken = hold): Promise<Cloned> {
  const { git, gitDir, signal } = job;
  const staging = await Staging.create(gitDir);
  const tip = tipOf(job);
  let here: Set<Oid>;
  let roots: Oid[] | undefined;
  try {
    const fetched = await fetchHistory(job, staging, hold);
    if (fetched === undefined) throw missing();
    await tipTaken;
    const [, found, duplicates, rootsFound] = await allDone([
      checkSizes({ ...job, staging }),
      present(job, staging, fetched, [...new Set(job.refs.values())]),
      findDuplicates(git, gitDir, staging, job.folder.tipPacks, signal),
      findRoots(job, staging),
      staging.sync(),
    ]);
    here = found;
    roots = rootsFound;
    throwIfCancelled(signal);
    if (tip !== undefined && !here.has(tip)) throw missing();
    const packs = await staging.publish();
    // A history of one commit may come as the very pack that its tip came in.
    for (const pack of duplicates) if (!packs.includes(pack)) await retire(job, staging, pack);
  } finally {
    await staging.remove();
  }
  await rm(join(gitDir, 'shallow'), { force: true });
  if (tip !== undefined && job.checkedOut === undefined) await checkOut(job, tip);
  await writeRefs(job, await remainingRefs(job, here));
  return roots === undefined ? {} : { roots };
}

/** Asks for everything, to be read once `hold` resolves; asks again if that takes too long for the peer's git. */
async function fetchHistory(job: CloneJob, staging: Staging, hold: Promise<void>): Promise<Intake | undefined> {
  const ask = (options: { hold?: Promise<void> }): Promise<Intake | undefined> =>
    fetchInto(job, staging, 'history', (offer) => planAll(job, offer), options);
  const late = deferred();
  const timer = setTimeout(() => late.reject(new HeldTooLong()), HISTORY_PATIENCE_MS);
  const soon = Promise.race([hold, late.promise]);
  // It may be over before anybody waits for it: while the peer is still answering.
  soon.catch(() => undefined);
  try {
    return await ask({ hold: soon });
  } catch (error) {
    if (!(error instanceof HeldTooLong)) throw error;
  } finally {
    clearTimeout(timer);
  }
  await hold;
  throwIfCancelled(job.signal);
  return ask({});
}

/** All of them to their end, whatever one says: staging must not go while another reads it. Throws what the first of them threw. */
async function allDone<T extends readonly Promise<unknown>[]>(
  checks: readonly [...T],
): ReturnType<typeof Promise.all<T>> {
  await Promise.allSettled(checks);
  return Promise.all(checks);
}

/** A pack that stays only takes space; Windows keeps one that is being read. */
async function retire({ log }: CloneJob, staging: Staging, pack: string): Promise<void> {
  try {
    await staging.retire(pack);
  } catch (error) {
    log.info(`${pack} stays beside the history that holds the same: ${messageOf(error)}`);
  }
}

/** Every ref of the manifest, or what it has become at the peer meanwhile. */
function planAll({ refs }: CloneJob, offer: Advertisement): FetchPlan | undefined {
  const offered = new Set(offer.refs.values());
  const available = [...refs].map(([ref, oid]) => (offered.has(oid) ? oid : offer.refs.get(ref)));
  const wants = [...new Set(available.filter((oid) => oid !== undefined))];
  return wants.length === 0 ? undefined : { wants, haves: [], certain: true };
}

async function checkOut(job: CloneJob, tip: Oid): Promise<void> {
  const { git, root, gitDir, signal } = job;
  await git.run(['read-tree', '-m', '-u', '--no-recurse-submodules', tip], {
    cwd: root,
    gitDir,
    workTree: root,
    write: true,
    config: PARALLEL_CHECKOUT,
    signal,
  });
  await writeRefs(job, [{ ref: branchRef(job.head), from: null, to: tip }]);
  job.checkedOut = tip;
  await job.folder.usable();
  job.request.onUsable?.();
}

async function fetchInto(
  job: CloneJob,
  staging: Staging,
  what: 'tip' | 'history',
  plan: (offer: Advertisement) => FetchPlan | undefined,
  more: Pick<FetchPackOptions, 'hold' | 'beside'>,
): Promise<Intake | undefined> {
  const { git, gitDir, limits, signal, request } = job;
  const progress = new ProgressMeter(request.onProgress);
  const connect = (stop: AbortSignal): Promise<Duplex> => request.connect(stop, what);
  const choose = async (offer: Advertisement): Promise<FetchPlan | undefined> => plan(offer);
  // Nothing is offered as a base, so nothing but the pack is needed to read it.
  return fetchPack({ git, gitDir, staging, limits, signal, progress, connect, plan: choose, whole: true, ...more });
}

/** Which ids are here with all they reach. */
function present(
  { git, gitDir, signal }: CloneJob,
  staging: Staging,
  fetched: Intake,
  oids: readonly Oid[],
): Promise<Set<Oid>> {
  const check = fetched.selfContained ? contained : connected;
  return check(git, gitDir, staging, oids, signal);
}

const missing = (): PeerweaveError =>
  new PeerweaveError('object-missing', 'The host changed its branches while we were cloning. Try again.');
