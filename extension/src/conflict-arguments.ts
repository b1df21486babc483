import * as z from 'zod';
import { conflictTarget, type ConflictTarget } from './rpc/conflicts.ts';

const commit = conflictTarget.shape.tip.unwrap();

/** Which commit of which repository a read-only document is of; its path is the file's. */
export const peerDocument = z.object({ repo: z.string().min(1), commit });
export type PeerDocument = z.infer<typeof peerDocument>;

const row = z.object({ target: z.unknown() });

/** What a command is about: the target itself, as lenses pass it, or a row that has one. Undefined for anything else. */
export function decodeConflictTarget(argument: unknown): ConflictTarget | undefined {
  const ofRow = row.safeParse(argument);
  const parsed = conflictTarget.safeParse(
    ofRow.success && ofRow.data.target !== undefined ? ofRow.data.target : argument,
  );
  return parsed.success ? parsed.data : undefined;
}

/** Reads the query of a document's address. Throws what `JSON` and zod throw: nobody but a typing person gets it wrong. */
export const decodePeerDocument = (query: string): PeerDocument => peerDocument.parse(JSON.parse(query));

const line = z.int().min(0).max(10_000_000);

/** What a lens on a conflict marker passes: the lines that go, in the version of the document that it was made for. */
const markerBlock = z.object({
  uri: z.string().max(8_192),
  version: z.int(),
  remove: z
    .array(z.tuple([line, line]))
    .min(1)
    .max(3),
});
export type MarkerBlock = z.infer<typeof markerBlock>;

/** Undefined for anything that no lens on a marker passes. */
export function decodeMarkerBlock(argument: unknown): MarkerBlock | undefined {
  const parsed = markerBlock.safeParse(argument);
  return parsed.success ? parsed.data : undefined;
}
