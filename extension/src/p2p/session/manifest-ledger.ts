import { PeerweaveError } from '../../shared/errors.ts';
import { branchOf, branchRef, type BranchName, type PeerId } from '../../shared/ids.ts';
import type { Identity } from '../link/identity.ts';
import type { Manifest, RosterEntry } from '../link/control-protocol.ts';
import type { Refs } from '../sync/model.ts';
import { checkManifest, signManifest, tipOf, type ManifestBinding, type ManifestTip } from './manifest.ts';

/** The newest verified manifest of every author, and our own chain. */
export class ManifestLedger {
  private readonly identity: Identity;
  private readonly binding: ManifestBinding;
  private readonly byAuthor = new Map<PeerId, Manifest>();
  private ownTip: ManifestTip | undefined;
  private ownManifest: Manifest | undefined;
  private readonly acked = new Map<PeerId, number>();

  constructor(
    identity: Identity,
    binding: ManifestBinding,
    restored: { readonly tip?: ManifestTip | undefined; readonly manifests: readonly Manifest[] },
  ) {
    this.identity = identity;
    this.binding = binding;
    this.ownTip = restored.tip;
    for (const manifest of restored.manifests) this.byAuthor.set(manifest.author, manifest);
  }

  get own(): Manifest | undefined {
    return this.ownManifest;
  }

  get tip(): ManifestTip | undefined {
    return this.ownTip;
  }

  of(author: PeerId): Manifest | undefined {
    return this.byAuthor.get(author);
  }

  all(): Manifest[] {
    return [...this.byAuthor.values()];
  }

  /**
   * Signs the next manifest of our own chain. The caller persists the tip before the manifest is sent; as that may have failed in an
   * earlier run, or a backup brought back an older tip, the first of a run goes on from the clock when that is ahead.
   */
  announce(refs: Refs, head: BranchName | undefined, now: number): Manifest {
    const headRef = head === undefined ? undefined : branchRef(head);
    const first = this.ownManifest === undefined;
    const tip = this.ownTip;
    const after = first && tip !== undefined ? { ...tip, seq: Math.max(tip.seq, now - 1) } : tip;
    this.ownManifest = signManifest(this.identity, this.binding, after, { refs, head: headRef }, now);
    this.ownTip = tipOf(this.ownManifest);
    return this.ownManifest;
  }

  /** Verifies and keeps a received manifest; false when it is the one already known. Throws as `checkManifest` does. */
  receive(manifest: Manifest, author: RosterEntry | undefined): boolean {
    if (author === undefined)
      throw new PeerweaveError('not-admitted', 'A list of refs came from somebody who is no member.');
    const known = this.byAuthor.get(author.peer);
    const expected = {
      binding: this.binding,
      author: author.peer,
      publicKey: Buffer.from(author.publicKey, 'base64'),
    };
    const verdict = checkManifest(manifest, expected, known === undefined ? undefined : tipOf(known));
    if (verdict === 'new') this.byAuthor.set(author.peer, manifest);
    return verdict === 'new';
  }

  /** The peer says that it has everything of our manifest `seq`. */
  acknowledge(peer: PeerId, seq: number): void {
    this.acked.set(peer, Math.max(seq, this.acked.get(peer) ?? 0));
  }

  /** True when the peer has everything of our newest manifest. */
  hasOurs(peer: PeerId): boolean {
    return this.ownTip !== undefined && this.acked.get(peer) === this.ownTip.seq;
  }
}

/** The branch that the author has checked out. */
export const headOf = (manifest: Manifest | undefined): BranchName | undefined =>
  manifest?.head === undefined ? undefined : branchOf(manifest.head);

export const refsOf = (manifest: Manifest): Refs => new Map(manifest.refs);
