import type { Duplex } from 'node:stream';
import { DisposableStore, type Disposable } from '../../../shared/disposable.ts';
import { PeerweaveError } from '../../../shared/errors.ts';
import { isTagRef, type BranchName, type Oid, type RefName } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import type { MarkerMerges } from '../marker-merge.ts';
import type { LoggedMove, UndoResult } from '../activity.ts';
import type { CommitSummary, KeptTip, MergePreview, MergeRequest, MergeResult, PreviewRequest } from '../merge.ts';
import type {
  ConflictVersions,
  FileVersion,
  ReplayOutcome,
  ReplayRequest,
  ResolveOutcome,
  ResolveRequest,
} from '../resolution.ts';
import type { CheckedOut, LineOrigin, PeerChanges } from '../peer-changes.ts';
import { PEERS_PREFIX } from '../peer-refs.ts';
import { refNameProblem } from '../ref-name.ts';
import type {
  MoveRequest,
  MoveResult,
  ReceiveRequest,
  ReceiveResult,
  RefSnapshot,
  Relation,
  Repository,
  RepositoryInfo,
} from '../repository.ts';
import type { ActivityLog } from './activity-log.ts';
import { ExpectedDiff } from './expected-diff.ts';
import { conflictVersions, fileAt } from './file-version.ts';
import { isComplete } from './gate.ts';
import type { Git } from './git.ts';
import type { RepositoryTraits } from './inspect.ts';
import { expireKept, isKept, keepTips, listKept, releaseKept } from './kept-refs.ts';
import { commitsOf } from './list-commits.ts';
import { mergeHeads, type MergeContext } from './merge-commit.ts';
import { previewMerge } from './merge-preview.ts';
import { GitMarkerMerges } from './marker-merges.ts';
import { moveBranch, type MoveContext } from './move-branch.ts';
import { Mutex } from './mutex.ts';
import { checkedOut, lineOrigins, peerChanges } from './peer-changes.ts';
import { withPatches } from './patch-equal.ts';
import { applyMirror, receive } from './receive.ts';
import { createRefReader, snapshot, type RefReader } from './ref-reader.ts';
import { RefConflictError, RefTransaction } from './ref-transaction.ts';
import { relate } from './relate.ts';
import { replay } from './replay.ts';
import { resolveMerge } from './resolve-merge.ts';
import { undoMove } from './undo-move.ts';
import { Uploads } from './uploads.ts';
import { watchRepository } from './watch.ts';

interface SystemRepositoryParts {
  readonly git: Git;
  readonly info: RepositoryInfo;
  readonly traits: RepositoryTraits;
  readonly activity: ActivityLog;
  readonly log: Logger;
}

/** `Repository` on the system's git. Each method's work is in the file of its name. */
export class SystemRepository implements Repository {
  readonly info: RepositoryInfo;
  readonly markerMerges: MarkerMerges;
  private readonly git: Git;
  private readonly traits: RepositoryTraits;
  private readonly log: Logger;
  private readonly activityLog: ActivityLog;
  private readonly refs: RefReader;
  private readonly diff: ExpectedDiff;
  private readonly watchers = new DisposableStore();
  private readonly mutex = new Mutex();
  private readonly closed = new AbortController();
  private readonly uploads: Uploads;

  constructor({ git, info, traits, activity, log }: SystemRepositoryParts) {
    this.git = git;
    this.info = info;
    this.traits = traits;
    this.log = log;
    this.activityLog = activity;
    this.refs = createRefReader(git, info.gitDir, traits.refFormat);
    this.diff = new ExpectedDiff(git, info.gitDir);
    this.uploads = new Uploads({ git, gitDir: info.gitDir, refs: this.refs, log });
    const context = { git, gitDir: info.gitDir, refs: this.refs, traits, activity };
    this.markerMerges = new GitMarkerMerges(context, this.mutex, this.closed.signal);
  }

  snapshot(): Promise<RefSnapshot> {
    return snapshot(this.refs, this.info.gitDir);
  }

  watch(onChange: () => void): Disposable {
    const watching = new DisposableStore();
    const onRefs = (): void => {
      this.uploads.changed();
      onChange();
    };
    watching.add(watchRepository(this.info.gitDir, onRefs));
    // Whoever watches is in a session: commits are on their way.
    watching.add(this.git.expectStarts());
    return this.watchers.add(watching);
  }

  serve(stream: Duplex, options: { signal?: AbortSignal; tipOnly?: boolean } = {}): Promise<void> {
    return this.uploads.serve(stream, options.tipOnly === true, this.until(options.signal));
  }

  expectFetches(peers: number): Promise<void> {
    return this.uploads.expectFetches(peers);
  }

  expectClones(): void {
    this.uploads.expectClones();
  }

  receive(request: ReceiveRequest): Promise<ReceiveResult> {
    const { git, refs, diff, log } = this;
    const context = { git, refs, diff, log, gitDir: this.info.gitDir };
    const bounded = { ...request, signal: this.until(request.signal) };
    return this.mutex.run(`receive ${request.namespace}`, () => receive(context, bounded));
  }

  relate(pairs: readonly { readonly local: Oid; readonly remote: Oid }[]): Promise<Relation[]> {
    return Promise.all(
      pairs.map(async ({ local, remote }) =>
        withPatches(this.merging, await relate(this.git, this.info.gitDir, local, remote)),
      ),
    );
  }

  moveBranch(request: MoveRequest): Promise<MoveResult> {
    return this.mutex.run('move', () => moveBranch(this.moving, request));
  }

  activity(): Promise<LoggedMove[]> {
    return this.activityLog.entries();
  }

  undo(id?: string): Promise<UndoResult> {
    return this.mutex.run('move', () => undoMove(this.moving, id));
  }

  async createTag(ref: RefName, oid: Oid): Promise<boolean> {
    const problem = isTagRef(ref) ? refNameProblem(ref) : 'is no tag';
    if (problem !== undefined) throw new PeerweaveError('ref-name-rejected', `The tag's name ${problem}.`);
    if ((await this.refs.one(ref)) !== null) return false;
    // Git itself only looks whether the object of that id is here, not whether what it points to is.
    if (!(await isComplete(this.git, this.info.gitDir, oid))) {
      throw new PeerweaveError('object-missing', `What ${ref} points to has not arrived; the next sync fetches it.`);
    }
    const transaction = new RefTransaction(this.git, this.info.gitDir, 'peerweave: tag');
    try {
      await transaction.apply([{ ref, from: null, to: oid }]);
      return true;
    } catch (error) {
      // Somebody was faster (SY12), or a tag of a name that excludes this one exists.
      if (error instanceof RefConflictError && error.conflict.kind !== 'locked') return false;
      throw error;
    } finally {
      await transaction.close();
    }
  }

  async forgetPeer(namespace: string): Promise<void> {
    const prefix = `${PEERS_PREFIX}${namespace}/`;
    await this.mutex.run(`receive ${namespace}`, async () => {
      const mine = [...(await this.refs.all())].filter(([ref]) => ref.startsWith(prefix));
      const transaction = new RefTransaction(this.git, this.info.gitDir, 'peerweave: peer forgotten');
      try {
        await applyMirror(
          transaction,
          mine.map(([ref, from]) => ({ ref, from, to: null })),
        );
      } finally {
        await transaction.close();
      }
    });
  }

  previewMerge(request: PreviewRequest): Promise<MergePreview> {
    return previewMerge(this.merging, { ...request, signal: this.until(request.signal) });
  }

  mergeHeads(request: MergeRequest): Promise<MergeResult> {
    return this.mutex.run('merge', () => mergeHeads(this.merging, { ...request, signal: this.until(request.signal) }));
  }

  resolve(request: ResolveRequest): Promise<ResolveOutcome> {
    return resolveMerge(this.merging, { ...request, signal: this.until(request.signal) });
  }

  replay(request: ReplayRequest): Promise<ReplayOutcome> {
    return replay(this.merging, { ...request, signal: this.until(request.signal) });
  }

  commitsOf(tip: Oid, others: readonly Oid[]): Promise<{ commits: CommitSummary[]; more: boolean }> {
    return commitsOf(this.merging, tip, others);
  }

  fileAt(commit: Oid, path: string, signal?: AbortSignal): Promise<FileVersion | null> {
    return fileAt(this.merging, { commit, path, signal: this.until(signal) });
  }

  conflictVersions(request: Parameters<Repository['conflictVersions']>[0]): Promise<ConflictVersions> {
    return conflictVersions(this.merging, { ...request, signal: this.until(request.signal) });
  }

  peerChanges(request: Parameters<Repository['peerChanges']>[0]): Promise<PeerChanges> {
    return peerChanges(this.merging, { ...request, signal: this.until(request.signal) });
  }

  lineOrigins(request: Parameters<Repository['lineOrigins']>[0]): Promise<LineOrigin[]> {
    return lineOrigins(this.merging, { ...request, signal: this.until(request.signal) });
  }

  checkedOut(): Promise<CheckedOut[]> {
    return checkedOut(this.refs, this.info.gitDir);
  }

  keepTips(branch: BranchName, tips: readonly Oid[]): Promise<void> {
    return keepTips(this.merging, branch, tips);
  }

  releaseKept(branch: BranchName, tips: readonly Oid[]): Promise<void> {
    return releaseKept(this.merging, branch, tips);
  }

  keptTips(branch?: BranchName): Promise<KeptTip[]> {
    return listKept(this.merging, branch);
  }

  async restoreKept({ branch, tip }: Pick<KeptTip, 'branch' | 'tip'>, as: BranchName): Promise<MoveResult> {
    if (!(await isKept(this.merging, branch, tip))) {
      return { moved: false, refusal: { kind: 'failed', message: `${tip} is not kept for ${branch} any more.` } };
    }
    const message = `peerweave: restored from ${branch}`;
    return this.moveBranch({ branch: as, from: null, to: tip, message, kind: 'kept' });
  }

  expireKept(before: number): Promise<KeptTip[]> {
    return expireKept(this.merging, before);
  }

  dispose(): void {
    this.closed.abort();
    this.uploads.dispose();
    this.watchers.dispose();
  }

  private get moving(): MoveContext {
    const { git, refs, diff, log, traits } = this;
    return { git, refs, diff, log, traits, activity: this.activityLog, gitDir: this.info.gitDir };
  }

  private get merging(): MergeContext {
    return { git: this.git, gitDir: this.info.gitDir, format: this.info.objectFormat };
  }

  /** A signal that also fires when the repository is closed, so that no child outlives it. */
  private until(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.closed.signal : AbortSignal.any([signal, this.closed.signal]);
  }
}
