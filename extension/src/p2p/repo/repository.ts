import type { Duplex } from 'node:stream';
import type { Disposable } from '../../shared/disposable.ts';
import type { BranchName, Oid, PeerId, RefName } from '../../shared/ids.ts';
import type { MarkerMerges } from './marker-merge.ts';
import type { LoggedMove, UndoResult } from './activity.ts';
import type { CommitSummary, KeptTip, MergePreview, MergeRequest, MergeResult, PreviewRequest } from './merge.ts';
import type { CheckedOut, LineOrigin, PeerChanges } from './peer-changes.ts';
import type { MoveKind } from './move-kind.ts';
import type {
  ConflictVersions,
  FileVersion,
  ReplayOutcome,
  ReplayRequest,
  ResolveOutcome,
  ResolveRequest,
} from './resolution.ts';

/**
 * What the engine needs of a repository. Nothing outside `refs/remotes/peers/*`, `refs/peerweave/*` and `.git/peerweave/` is
 * written but through `moveBranch` and `createTag`, which are journaled compare-and-swaps (SY5).
 */

export type ObjectFormat = 'sha1' | 'sha256';

/** Branches and tags of the repository at one moment, and where HEAD is. */
export interface RefSnapshot {
  /** `refs/heads/*` and `refs/tags/*`; a tag maps to the tag object, not to what it points at. Symbolic refs are left out. */
  readonly refs: ReadonlyMap<RefName, Oid>;
  /** The branch checked out in the main worktree, also when unborn; undefined when HEAD is detached. */
  readonly head: BranchName | undefined;
}

export interface RepositoryInfo {
  /** The main worktree's folder. */
  readonly root: string;
  /** The common git directory: where refs, objects and `peerweave/` live. */
  readonly gitDir: string;
  readonly objectFormat: ObjectFormat;
  /** Root commits reachable from branches, sorted; empty before the first commit. */
  readonly roots: readonly Oid[];
}

/** How two commits stand to each other; `ahead`/`behind` count commits of `local` and of `remote` that the other lacks. */
export interface Relation {
  readonly local: Oid;
  readonly remote: Oid;
  readonly ahead: number;
  readonly behind: number;
  /** True when both have the same tree (SY9). */
  readonly sameTree: boolean;
  /** True when both hold the same changes, committed separately (SY9); only looked into where neither contains the other. */
  readonly patchEqual?: boolean;
}

/** Why a checked-out branch was not moved (SY6), or why the move lost. */
export type MoveRefusal =
  | { readonly kind: 'ref-moved' }
  | { readonly kind: 'name-conflict'; readonly with: BranchName }
  | { readonly kind: 'local-changes'; readonly paths: readonly string[] }
  | { readonly kind: 'operation-in-progress'; readonly operation: string }
  | { readonly kind: 'sensitive-files'; readonly paths: readonly string[] }
  | { readonly kind: 'locked'; readonly path: string }
  /** A branch that is checked out there cannot be deleted. */
  | { readonly kind: 'checked-out'; readonly root: string }
  /** Before it or in the middle of it; what had begun was put back. The message says what to do. */
  | { readonly kind: 'disk-full'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string };

export type MoveResult = { readonly moved: true } | { readonly moved: false; readonly refusal: MoveRefusal };

export interface MoveRequest {
  readonly branch: BranchName;
  /** What the branch must be now; null when it must not exist. */
  readonly from: Oid | null;
  /** What it becomes; null deletes it, which is refused where it is checked out. */
  readonly to: Oid | null;
  /** Absent for what a sync does: `created` or `fast-forward`. */
  readonly kind?: MoveKind;
  /** The name of the peer whose state moves it; absent for what a person does here. */
  readonly by?: string;
  /** The entry of the activity log that this takes back. */
  readonly undoes?: string;
  /** Written to the reflog and the journal: `fast-forward from alice`. */
  readonly message: string;
  /** Apply even when files that run code on open are touched: the person reviewed it. */
  readonly reviewed?: boolean;
  /** Fires when the move is not wanted any more; then it is refused as `ref-moved`, unless the ref is locked for it already. */
  readonly withdrawn?: AbortSignal;
  /** Looks for what would be in the way, changes of files apart, and moves nothing. */
  readonly onlyCheck?: boolean;
}

export interface TransferProgress {
  /** What git is doing, in git's words: `Receiving objects`, `Resolving deltas`. */
  readonly task: string;
  readonly done: number;
  readonly total: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
}

/** Limits of the gate (SY2). Each refusal names the limit that was passed. */
export interface ReceiveLimits {
  /** Bytes of the pack as it travels. */
  readonly maxPackBytes: number;
  /** Bytes of all new objects when inflated. */
  readonly maxExpandedBytes: number;
  /** Bytes of one inflated object. */
  readonly maxObjectBytes: number;
  readonly maxObjects: number;
  /** Milliseconds that the peer may say nothing while it is being waited for. */
  readonly maxSilenceMs: number;
}

export interface ReceiveRequest {
  readonly peer: PeerId;
  /** The peer's folder under `refs/remotes/peers/`, already made safe and unique (`peer-namespace.ts`). */
  readonly namespace: string;
  /** The peer's complete shared refs by its manifest: the namespace is made to match (branches; tags are not mirrored). */
  readonly refs: ReadonlyMap<RefName, Oid>;
  /** Opens `git-upload-pack` at the peer. Called at most once, and not at all when every object is here already. */
  readonly connect: (signal: AbortSignal) => Promise<Duplex>;
  readonly limits?: Partial<ReceiveLimits>;
  readonly onProgress?: (progress: TransferProgress) => void;
  readonly signal?: AbortSignal;
}

/** A ref of the local repository that a sync moved. `null` is absent. */
export interface RefMove {
  readonly ref: RefName;
  readonly from: Oid | null;
  readonly to: Oid | null;
}

export interface ReceiveResult {
  /** Peer refs that moved. */
  readonly moves: readonly RefMove[];
  /** Refs of the manifest that were refused by name, with the reason in words; the others went through. */
  readonly refused: readonly { readonly ref: string; readonly why: string }[];
  readonly bytes: number;
}

export interface Repository extends Disposable {
  readonly info: RepositoryInfo;
  /** Merges that a person settles in their own files. */
  readonly markerMerges: MarkerMerges;

  snapshot(): Promise<RefSnapshot>;
  /** Calls back after refs or HEAD may have changed, coalesced; from the watcher, or from the slow poll at the latest. */
  watch(onChange: () => void): Disposable;

  /** Runs `git upload-pack` on the stream until the peer is done. Only branches and tags are visible (v0, hidden refs). */
  serve(stream: Duplex, options?: { signal?: AbortSignal; tipOnly?: boolean }): Promise<void>;
  /** So many peers have just been told of new refs: what will serve their fetches is made ready, and let go if they do not come. */
  expectFetches(peers: number): Promise<void>;
  /** Somebody may want to clone before long: what makes that faster is made ready, and kept up to date, behind all other work. */
  expectClones(): void;
  /**
   * Fetches into staging, gates, publishes the objects and records the peer's refs (SY2, SY3). Throws `PeerweaveError` with
   * `pack-rejected`, `pack-too-large`, `object-missing`, `disk-full`, `repository-locked`, `link-lost` or `cancelled`;
   * then nothing of the attempt is left.
   */
  receive(request: ReceiveRequest): Promise<ReceiveResult>;

  /** Relations for pairs whose objects are all here. */
  relate(pairs: readonly { readonly local: Oid; readonly remote: Oid }[]): Promise<Relation[]>;
  /**
   * Moves a branch forward, or creates it, with index and files where it is checked out, or not at all (SY5, SY6). Other than forward
   * only by the kinds that a person chooses.
   */
  moveBranch(request: MoveRequest): Promise<MoveResult>;
  /** The moves of branches that were made so far, newest first; the oldest are forgotten in time. */
  activity(): Promise<LoggedMove[]>;
  /**
   * Takes a move back, or the last one that was not taken back (SY13): ref, index and files, or nothing of it. What only the branch had is
   * kept before. Throws what that fails with, a full disk for one; nothing has moved then.
   */
  undo(id?: string): Promise<UndoResult>;
  /**
   * Creates a tag; resolves to false when one of that name exists (SY8). Throws `PeerweaveError` with `object-missing` when the
   * object or something that it reaches is not here, `ref-name-rejected`.
   */
  createTag(ref: RefName, oid: Oid): Promise<boolean>;
  /** Removes a peer's refs when it is forgotten. */
  forgetPeer(namespace: string): Promise<void>;

  /**
   * What merging diverged tips would come to, by nobody's configuration; writes nothing to the repository. Throws `PeerweaveError` with
   * `bad-request` for too few or too many tips, `cancelled`, `timeout`.
   */
  previewMerge(request: PreviewRequest): Promise<MergePreview>;
  /** Makes the merge commit that everybody makes of the same heads (D3), on no ref. Throws as `previewMerge`, and `disk-full`. */
  mergeHeads(request: MergeRequest): Promise<MergeResult>;
  /** Makes the merge commit that a person decided, as this person, on no ref. Throws as `mergeHeads`. */
  resolve(request: ResolveRequest): Promise<ResolveOutcome>;
  /** Makes commits again on top of others, on no ref. Throws as `mergeHeads`, and `bad-request` for too many commits. */
  replay(request: ReplayRequest): Promise<ReplayOutcome>;
  /** Commits of a tip that none of the others has, newest first, and whether there are more. */
  commitsOf(tip: Oid, others: readonly Oid[]): Promise<{ commits: CommitSummary[]; more: boolean }>;
  /** What a commit has at a path, as it is: through no filter. Null for nothing. Throws `object-missing`. */
  fileAt(commit: Oid, path: string, signal?: AbortSignal): Promise<FileVersion | null>;
  /** The versions of a file that two commits and their base have, under whatever name. Throws `object-missing`. */
  conflictVersions(request: {
    readonly ours: Oid;
    readonly theirs: Oid;
    readonly path: string;
    readonly signal?: AbortSignal;
  }): Promise<ConflictVersions>;
  /** What `theirs` changed of our files since it parted from `ours`, by our names for them. Throws `cancelled`. */
  peerChanges(request: {
    readonly ours: Oid;
    readonly theirs: Oid;
    readonly signal?: AbortSignal;
  }): Promise<PeerChanges>;
  /** Which commits after `base` the lines of a file at `tip` are from; those that are from before are left out. Throws `cancelled`. */
  lineOrigins(request: {
    readonly base: Oid;
    readonly tip: Oid;
    readonly path: string;
    readonly signal?: AbortSignal;
  }): Promise<LineOrigin[]>;
  /** The worktrees, main and linked, with what is checked out in each. */
  checkedOut(): Promise<CheckedOut[]>;
  /** Keeps tips of a branch that are about to lose to another (CO4), all or none; durable when it resolves. */
  keepTips(branch: BranchName, tips: readonly Oid[]): Promise<void>;
  /** Lets go of tips that were kept and did not lose after all. */
  releaseKept(branch: BranchName, tips: readonly Oid[]): Promise<void>;
  /** What is kept, of one branch or of all, newest first. */
  keptTips(branch?: BranchName): Promise<KeptTip[]>;
  /** Makes a kept tip a branch of its own; it stays kept. Refused as any new branch is, and as `failed` when it is not kept. */
  restoreKept(kept: Pick<KeptTip, 'branch' | 'tip'>, as: BranchName): Promise<MoveResult>;
  /** Lets go of what has been kept since before `before`, in seconds since 1970, and returns it. Never called but by a setting. */
  expireKept(before: number): Promise<KeptTip[]>;
}

/** What a folder is to Peerweave; `reason` and `message` say why it cannot be served. */
export type FolderState =
  | { readonly kind: 'repository'; readonly info: RepositoryInfo }
  | { readonly kind: 'no-repository' }
  | { readonly kind: 'unusable'; readonly reason: import('../../shared/errors.ts').Reason; readonly message: string };

export interface CloneRequest {
  /** A folder that `isVacant`. */
  readonly directory: string;
  readonly objectFormat: ObjectFormat;
  readonly peer: PeerId;
  readonly namespace: string;
  readonly refs: ReadonlyMap<RefName, Oid>;
  /** The branch to check out: the host's current one; absent to take `main` or the first. */
  readonly head?: BranchName;
  /** Opens `git-upload-pack` at the host; called once for the tip and once for the history. */
  readonly connect: (signal: AbortSignal, what: 'tip' | 'history') => Promise<Duplex>;
  /** The tip is checked out and the folder usable; history is still arriving (C4). */
  readonly onUsable?: () => void;
  readonly limits?: Partial<ReceiveLimits>;
  readonly onProgress?: (progress: TransferProgress) => void;
  readonly signal?: AbortSignal;
}

/** Opens, creates and clones repositories; the one entry to a git implementation. */
export interface RepositoryProvider {
  inspect(directory: string): Promise<FolderState>;
  /** Throws `PeerweaveError` with the reason that `inspect` gives for an unusable folder. Recovers what a crash left (SY11). */
  open(directory: string): Promise<Repository>;
  init(directory: string): Promise<Repository>;
  /** True when `clone` takes the folder: it is not there, empty, or what a clone that was killed left before it was usable. */
  isVacant(directory: string): Promise<boolean>;
  /**
   * Clones; on failure or cancel the folder is as it was before (SE10), but for two cases after `onUsable`: the connection went
   * (`link-lost`, also as the signal's reason), when `completeClone` can go on, or the folder has been worked in.
   */
  clone(request: CloneRequest): Promise<Repository>;
  /** Fetches the history of a clone that has only its tip (C4). The folder stays as it is when that fails. */
  completeClone(request: CloneRequest): Promise<Repository>;
}
