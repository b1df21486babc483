import * as z from 'zod';
import type { ConflictDetail, ConflictFileDetail } from '../rpc/conflicts.ts';
import { fileResolution } from '../rpc/conflicts.ts';

/**
 * What the resolution page and its host say to each other. What the page sends is decoded here like anything that comes from outside:
 * a page shows what peers wrote. Texts from peers go into text nodes only (ED5).
 */

/** A person's decisions, kept by the host too, so that they outlive the page: hiding, a reload of the window (CO6). */
const choice = z.union([
  z.object({ pick: z.enum(['mine', 'theirs', 'mine-theirs', 'theirs-mine', 'base']) }),
  z.object({ pick: z.literal('edit'), text: z.string().max(4_000_000) }),
]);
export const draft = z.object({
  files: z.record(
    z.string().max(4096),
    z.object({
      choices: z.record(z.string().max(100), choice),
      whole: z
        .union([z.object({ use: z.literal('side'), tip: z.string().max(64) }), z.object({ use: z.literal('delete') })])
        .optional(),
    }),
  ),
  /** What the person wrote as the merge's message; absent while it is the proposed one. */
  message: z.string().max(65_536).optional(),
});
export type SavedDraft = z.infer<typeof draft>;

export const fromPage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('file'), path: z.string().max(4096), theirs: z.string().max(64) }),
  z.object({ type: z.literal('draft'), draft }),
  z.object({
    type: z.literal('finish'),
    /** The candidates that the page shows. */
    tips: z.array(z.string().max(64)).min(2).max(50),
    files: z.array(fileResolution).max(10_000),
    message: z.string().max(65_536),
  }),
  /** A person gives up, or has read that it is settled: nothing was written, the draft goes and the page closes. */
  z.object({ type: z.literal('cancel') }),
  /** Opens VS Code's own comparison of a file. */
  z.object({ type: z.literal('compare'), path: z.string().max(4096), theirs: z.string().max(64) }),
]);
export type FromPage = z.infer<typeof fromPage>;

export type ToPage =
  /** All there is to show; again whenever the conflict changed, as when a peer pushed. */
  | {
      readonly type: 'conflict';
      /** With the branch, what an editor that starts again restores the page by. */
      readonly repo: string;
      readonly detail: ConflictDetail;
      readonly draft: SavedDraft | undefined;
      readonly proposedMessage: string;
    }
  | { readonly type: 'file'; readonly theirs: string; readonly file: ConflictFileDetail }
  /** What was asked for did not work; everything decided stays. `path` and `theirs` when a file could not be read. */
  | { readonly type: 'failed'; readonly message: string; readonly path?: string; readonly theirs?: string }
  /** Nothing to show yet, and why. */
  | { readonly type: 'waiting'; readonly message: string }
  /** The conflict is settled, here or elsewhere: the page has nothing more to do. */
  | { readonly type: 'settled'; readonly message: string };

/** What the page leaves with the editor, to be restored by (CO6); `selected` and `cursor` are for the page alone. */
export const pageMemory = z.object({
  repo: z.string().min(1).max(32_768),
  branch: z.string().min(1).max(255),
  selected: z.string().max(4096).optional(),
  cursor: z.string().max(100).optional(),
});
export type PageMemory = z.infer<typeof pageMemory>;
