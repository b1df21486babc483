import * as z from 'zod';

/**
 * What the engine tells of a branch that went different ways, and what it is told to do about it. Text in it may come from peers and is
 * data, never markup (ED5).
 */

const oid = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
const repo = z.string().min(1);
const branch = z.string().min(1).max(255);
const path = z.string().min(1).max(4096);

export const conflictCommit = z.object({
  oid,
  author: z.string(),
  /** Seconds since 1970, by the author's clock. */
  time: z.number(),
  subject: z.string(),
});

export const conflictSide = z.object({
  tip: oid,
  /** Names of those whose branch is there; empty for nobody but us. */
  owners: z.array(z.string()),
  mine: z.boolean(),
  /** What no other side has, newest first. */
  commits: z.array(conflictCommit),
  moreCommits: z.boolean(),
  changedFiles: z.number(),
  /** Those files, or the first of them, by path. A rename is a deletion and an addition. */
  changes: z.array(z.object({ path, change: z.enum(['added', 'modified', 'deleted']) })),
});

export const conflictFile = z.object({
  path,
  /** Empty for a file that merges by itself. */
  kinds: z.array(
    z.enum([
      'content',
      'add/add',
      'modify/delete',
      'rename/rename',
      'rename/delete',
      'directory-rename',
      'directory/file',
      'mode',
      'binary',
      'submodule',
      'attributes',
      'other',
    ]),
  ),
  /** The side that it conflicts with; for a file that merges by itself, any. */
  theirs: oid,
  /** Other paths of the same conflict. */
  related: z.array(path),
  /** Among three sides or more: all but ours that changed the file, in the order in which they are to be taken in. Absent for `theirs` alone. */
  sides: z.array(oid).optional(),
});

/**
 * A branch's conflict in full (CO1); `outcome` is the merge preview's. Of a branch that a peer rewound there are two sides, ours first; of
 * one that everybody else deleted only ours, and nothing to merge: `clean`.
 */
export const conflictDetail = z.object({
  kind: z.enum(['diverged', 'rewound-there', 'deleted-there']),
  branch,
  bases: z.array(oid),
  sides: z.array(conflictSide).min(1),
  outcome: z.enum(['same-tree', 'patch-equal', 'clean', 'conflicts', 'unrelated']),
  files: z.array(conflictFile),
  moreFiles: z.boolean(),
  /** Who is at it now (D8). */
  resolving: z.array(z.object({ name: z.string(), since: z.number() })),
});

/** One version of a file; null where the side has none. Text is there when it is UTF-8 and not too large to be shown. */
export const fileVersion = z
  .object({
    mode: z.string(),
    bytes: z.number(),
    kind: z.enum(['text', 'binary', 'too-large', 'link', 'submodule']),
    text: z.string().optional(),
  })
  .nullable();

export const conflictFileDetail = z.object({
  path,
  base: fileVersion,
  mine: fileVersion,
  theirs: fileVersion,
});

/** What a person decided for one file of a merge; files that are not named merge by themselves. */
export const fileResolution = z.discriminatedUnion('use', [
  z.object({ path, use: z.literal('text'), text: z.string().max(32_000_000) }),
  /** The whole file as this side has it, or its absence. */
  z.object({ path, use: z.literal('side'), tip: oid }),
  z.object({ path, use: z.literal('delete') }),
]);

/** Ways to settle a branch. `tips` elsewhere names the candidates that the person saw. */
export const resolution = z.discriminatedUnion('how', [
  /** A merge commit of all candidates. Throws `conflict-unresolved` when a file that does not merge by itself is not named. */
  z.object({ how: z.literal('merge'), files: z.array(fileResolution).max(10_000), message: z.string().max(65_536) }),
  /** Their files as they are, in a merge commit that has our commits as well. */
  z.object({ how: z.literal('theirs'), tip: oid }),
  z.object({ how: z.literal('mine') }),
  /** Our commits again on top of theirs. Throws `conflict-unresolved` when one does not apply by itself. */
  z.object({ how: z.literal('rebase'), onto: oid }),
  /** Our commits under a name of their own; the branch then follows the other side. */
  z.object({ how: z.literal('both'), name: branch, tip: oid }),
  /** Where a peer went back to (`rewound-there`), or with null nowhere: the branch goes here too (`deleted-there`). Ours is kept before. */
  z.object({ how: z.literal('follow'), tip: oid.nullable() }),
]);

/** What every conflict command of the editor takes, whoever runs it: a row, a notification, a lens. */
export const conflictTarget = z.object({
  repo,
  branch,
  tip: oid.optional(),
  path: path.optional(),
  /** What the side at `tip` calls the file, where that is another name. */
  theirPath: path.optional(),
});

export const strategy = z.enum(['manual', 'auto-merge', 'prefer-local', 'prefer-remote']);

/** A move of a local branch that a sync made, or a person here chose. */
export const activityEntry = z.object({
  id: z.string(),
  /** Unix milliseconds. */
  at: z.number(),
  /** `kept`: what a strategy had kept became a branch again. `own-merge`: the user's own commit, which is never `undoable`. */
  kind: z.enum(['fast-forward', 'created', 'merge', 'resolve', 'rebase', 'follow', 'kept', 'own-merge', 'undo']),
  branch,
  /** Null where the branch was not there. */
  from: oid.nullable(),
  to: oid.nullable(),
  /** Whose state moved it; absent for what a person did here. */
  by: z.string().optional(),
  /** The worktree whose index and files moved along. */
  worktree: z.string().optional(),
  /** The entry that it took back. */
  undoes: z.string().optional(),
  /** It was taken back. */
  undone: z.boolean(),
  /** The branch is still where it left it. An undo may be refused all the same: the worktree decides that when it is tried. */
  undoable: z.boolean(),
});

/**
 * A merge in the worktree's files. `unmerged`: there are no markers for such a conflict, and no version has been staged. Paths are from
 * `root`, the folder of the worktree that has the branch.
 */
export const markerMerge = z.object({
  root: z.string(),
  branch: branch.optional(),
  ours: oid,
  theirs: oid,
  /** What the markers call `theirs`; ours is `HEAD`. */
  label: z.string(),
  /** Whose `theirs` is. */
  owners: z.array(z.string()),
  files: z.array(z.object({ path, state: z.enum(['markers', 'unmerged', 'resolved']) })),
});

/** `keptAt` in seconds since 1970; absent when nothing says since when. */
export const keptView = z.object({ branch, tip: oid, keptAt: z.number().optional() });

const none = z.object({});
/** One only where everybody else deleted the branch. */
const tips = z.array(oid).min(1).max(50);

/** What is known of conflicts, and how they are settled. This table and the two after it are parts of the one in `contract.ts`. */
export const conflictRequests = {
  'peerweave/conflict': { params: z.object({ repo, branch }), result: conflictDetail },
  'peerweave/conflictFile': { params: z.object({ repo, branch, path, theirs: oid }), result: conflictFileDetail },
  /** A file as a commit has it, for read-only documents. */
  'peerweave/fileAt': { params: z.object({ repo, commit: oid, path }), result: z.object({ version: fileVersion }) },
  /**
   * Resolves with where the branch is now, null where it was deleted. Rejects with `conflict-moved` when the candidates are not `tips`
   * any more, with `move-refused` when the branch cannot move now, and why, with `disk-full`, and with `review-needed` when files that run
   * code on open come along and `reviewed` does not say that the person has seen that (SY6). Nothing has happened then.
   */
  'peerweave/resolve': {
    params: z.object({ repo, branch, tips, resolution, reviewed: z.boolean().default(false) }),
    result: z.object({ commit: oid.nullable() }),
  },
  /** Tells the others that somebody here is at it, or is not any more (D8). */
  'peerweave/resolving': { params: z.object({ repo, branch, active: z.boolean() }), result: none },
  /** The session's, or a branch's own. Null: the branch follows the session again, the session the setting. */
  'peerweave/strategy': {
    params: z.object({ repo, branch: branch.optional(), strategy: strategy.nullable() }),
    result: none,
  },
  'peerweave/kept': { params: z.object({ repo }), result: z.object({ kept: z.array(keptView) }) },
  /** Makes what is kept a branch of its own. */
  'peerweave/restoreKept': { params: z.object({ repo, tip: oid, name: branch }), result: none },
} as const;

/** Merges in the worktree, in files with conflict markers. */
export const markerRequests = {
  /**
   * Begins git's own merge in the worktree that has the branch, with conflict markers in the files that do not merge by themselves.
   * Rejects with `conflict-moved` when the candidates are not `tips` any more, `review-needed` when files come in that can run code on
   * open and `reviewed` is not set, `move-refused` when something is in the way, and what; nothing has been touched then.
   */
  'peerweave/mergeWithMarkers': {
    params: z.object({ repo, branch, tips, theirs: oid, reviewed: z.boolean().default(false) }),
    result: z.object({ files: z.array(path) }),
  },
  /** The merge with markers that is under way, with the files that did not merge by themselves. Editors may have more, unsaved. */
  'peerweave/markerMerge': { params: z.object({ repo }), result: z.object({ merge: markerMerge.nullable() }) },
  /**
   * Commits a merge that was begun with markers, as the user and with the user's hooks. Rejects with `conflict-unresolved` while markers
   * are left, `commit-refused` with what a hook said; the merge is as it was then.
   */
  'peerweave/completeMerge': {
    params: z.object({ repo, message: z.string().min(1).max(65_536).optional() }),
    result: z.object({ commit: oid }),
  },
  /** Takes a merge with markers back. Rejects with `move-refused` when changes that are no part of it would go along. */
  'peerweave/abortMerge': { params: z.object({ repo }), result: none },
} as const;

/** What was moved, and how it is put back. */
export const activityRequests = {
  /** Newest first. */
  'peerweave/activity': {
    params: z.object({ repo, limit: z.int().min(1).max(1_000).default(200) }),
    result: z.object({ entries: z.array(activityEntry) }),
  },
  /**
   * Puts back what the last move did that was not put back yet (SY13), or the move `id`; that of an undo does it again. Rejects with
   * `undo-refused` and why, or `disk-full`.
   */
  'peerweave/undo': {
    params: z.object({ repo, id: z.string().max(100).optional() }),
    result: z.object({ undone: activityEntry }),
  },
} as const;

export type ConflictDetail = z.infer<typeof conflictDetail>;
export type ConflictSide = z.infer<typeof conflictSide>;
export type ConflictFileView = z.infer<typeof conflictFile>;
export type ConflictFileDetail = z.infer<typeof conflictFileDetail>;
export type FileVersion = z.infer<typeof fileVersion>;
export type FileResolution = z.infer<typeof fileResolution>;
export type Resolution = z.infer<typeof resolution>;
export type ConflictTarget = z.infer<typeof conflictTarget>;
export type MarkerMergeView = z.infer<typeof markerMerge>;
export type Strategy = z.infer<typeof strategy>;
export type ActivityEntry = z.infer<typeof activityEntry>;
