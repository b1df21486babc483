import { createHash } from 'node:crypto';
import { PeerweaveError } from '../../shared/errors.ts';
import type { Oid, PeerId, RefName, SessionId } from '../../shared/ids.ts';
import { verifySignature, type Identity } from '../link/identity.ts';
import {
  MAX_CONTROL_FRAME_BYTES,
  MAX_MANIFEST_REFS,
  MAX_REF_NAME_BYTES,
  type Manifest,
} from '../link/control-protocol.ts';

/**
 * A manifest (SY1) lists what an author's repository offers. Signed with the author's key and bound to session, project and
 * epoch; its sequence rises by one and it names the hash of the one before, so that a replay is stale and two histories by one
 * author are seen.
 */

/** What every manifest of a session is bound to. */
export interface ManifestBinding {
  readonly session: SessionId;
  /** Hex SHA-256 over the session's root commits. */
  readonly repo: string;
  readonly epoch: number;
}

/** Where an author's chain stands: the last sequence and the hash of that manifest. */
export interface ManifestTip {
  readonly seq: number;
  readonly hash: string;
}

/** Which project a session is about, from the roots that it started with. */
export const repoIdentity = (roots: readonly Oid[]): string =>
  createHash('sha256')
    .update(JSON.stringify([...roots].sort()))
    .digest('hex');

export function signManifest(
  author: Identity,
  binding: ManifestBinding,
  after: ManifestTip | undefined,
  content: { readonly refs: ReadonlyMap<RefName, Oid>; readonly head: RefName | undefined },
  now: number,
): Manifest {
  const refs = shareable(content.refs, content.head);
  const unsigned: Manifest = {
    ...binding,
    author: author.peer,
    // A member that left, lost its state and joined anew starts a chain of its own; the clock puts it after the old one.
    seq: after === undefined ? now : after.seq + 1,
    ...(after === undefined ? {} : { prev: after.hash }),
    refs,
    ...(content.head === undefined ? {} : { head: content.head }),
    signature: '',
  };
  return { ...unsigned, signature: Buffer.from(author.sign(manifestBytes(unsigned))).toString('base64') };
}

/** All that is in a manifest besides its refs, as JSON, with room to spare. */
const MANIFEST_OVERHEAD_BYTES = 4_096;
/** `["","…"],` around a name and an id. */
const PAIR_OVERHEAD_BYTES = 8;

/**
 * The refs that fit, by name. What does not fit in a frame or in the protocol's limits is not shared, the last by name first, but
 * the branch that is checked out always is.
 */
function shareable(all: ReadonlyMap<RefName, Oid>, head: RefName | undefined): [RefName, Oid][] {
  let room = MAX_CONTROL_FRAME_BYTES - MANIFEST_OVERHEAD_BYTES;
  const refs: [RefName, Oid][] = [];
  const byName = [...all].sort(([a], [b]) => (b === head ? 1 : 0) - (a === head ? 1 : 0) || (a < b ? -1 : 1));
  for (const [ref, oid] of byName) {
    if (Buffer.byteLength(ref) > MAX_REF_NAME_BYTES) continue;
    room -= Buffer.byteLength(JSON.stringify(ref)) + oid.length + PAIR_OVERHEAD_BYTES;
    if (room < 0 || refs.length === MAX_MANIFEST_REFS) break;
    refs.push([ref, oid]);
  }
  return refs.sort(([a], [b]) => (a < b ? -1 : 1));
}

export const manifestHash = (manifest: Manifest): string =>
  createHash('sha256').update(manifestBytes(manifest)).digest('hex');

export const tipOf = (manifest: Manifest): ManifestTip => ({ seq: manifest.seq, hash: manifestHash(manifest) });

/**
 * Checks a received manifest against what is known of its author. Returns `repeat` for the one that is already known.
 * Throws `manifest-foreign`, `manifest-unsigned`, `manifest-stale` (a replay or a rollback) or `manifest-forked` (the author's
 * key signed two different histories: two installations share it, or it was restored from a backup).
 */
export function checkManifest(
  manifest: Manifest,
  expected: { readonly binding: ManifestBinding; readonly author: PeerId; readonly publicKey: Uint8Array },
  known: ManifestTip | undefined,
): 'new' | 'repeat' {
  const { binding } = expected;
  if (manifest.session !== binding.session || manifest.repo !== binding.repo || manifest.epoch !== binding.epoch) {
    throw refused('manifest-foreign', 'speaks of another session or project');
  }
  if (manifest.author !== expected.author) throw refused('manifest-foreign', 'was written by somebody else');
  if (!verifySignature(expected.publicKey, manifestBytes(manifest), Buffer.from(manifest.signature, 'base64'))) {
    throw refused('manifest-unsigned', 'has no valid signature');
  }
  if (known === undefined) return 'new';
  if (manifest.seq < known.seq) throw refused('manifest-stale', 'is older than one already seen');
  if (manifest.seq === known.seq) {
    if (manifestHash(manifest) === known.hash) return 'repeat';
    throw forked();
  }
  // Manifests between the two may have been missed while the link was down, so only a direct successor must chain.
  if (manifest.seq === known.seq + 1 && manifest.prev !== known.hash) throw forked();
  return 'new';
}

/** What is signed and hashed: a label and every field but the signature, as one JSON array, which has one spelling. */
function manifestBytes(manifest: Manifest): Buffer {
  const { session, repo, author, epoch, seq, prev, refs, head } = manifest;
  return Buffer.from(
    JSON.stringify(['peerweave manifest v1', session, repo, author, epoch, seq, prev ?? null, refs, head ?? null]),
  );
}

const refused = (reason: 'manifest-foreign' | 'manifest-unsigned' | 'manifest-stale', what: string): PeerweaveError =>
  new PeerweaveError(reason, `The peer's list of refs ${what}; it was not used.`);

const forked = (): PeerweaveError =>
  new PeerweaveError(
    'manifest-forked',
    "The peer's list of refs contradicts an earlier one. The same identity may be in use on two machines.",
  );
