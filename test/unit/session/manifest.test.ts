import { describe, expect, it } from 'vitest';
import type { Oid, RefName } from '../../../extension/src/shared/ids.ts';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import {
  MAX_CONTROL_FRAME_BYTES,
  type Manifest,
  type RosterEntry,
} from '../../../extension/src/p2p/link/control-protocol.ts';
import { ManifestLedger } from '../../../extension/src/p2p/session/manifest-ledger.ts';
import {
  checkManifest,
  repoIdentity,
  signManifest,
  tipOf,
  type ManifestTip,
} from '../../../extension/src/p2p/session/manifest.ts';
import { newSessionId } from '../../../extension/src/p2p/session/invite.ts';
import { reasonOf } from '../../support/reason.ts';

const author = createIdentity();
const binding = { session: newSessionId(), repo: repoIdentity(['a'.repeat(40) as Oid]), epoch: 1 };
const refs = (oid: string): ReadonlyMap<RefName, Oid> =>
  new Map([
    ['refs/tags/v1' as RefName, 'f'.repeat(40) as Oid],
    ['refs/heads/main' as RefName, oid.repeat(40) as Oid],
  ]);
const expected = { binding, author: author.peer, publicKey: author.publicKey };

const first = signManifest(author, binding, undefined, { refs: refs('1'), head: 'refs/heads/main' as RefName }, 1_000);
const second = signManifest(author, binding, tipOf(first), { refs: refs('2'), head: undefined }, 2_000);
const third = signManifest(author, binding, tipOf(second), { refs: refs('3'), head: undefined }, 3_000);

describe('manifest', () => {
  it('[SY1] is signed, bound, and carries a rising sequence and the hash of the one before', () => {
    expect(first).toMatchObject({ ...binding, author: author.peer, seq: 1_000, head: 'refs/heads/main' });
    expect(first.prev).toBeUndefined();
    expect(second).toMatchObject({ seq: 1_001, prev: tipOf(first).hash });
    expect(checkManifest(first, expected, undefined)).toBe('new');
    expect(checkManifest(second, expected, tipOf(first))).toBe('new');
    expect(checkManifest(second, expected, tipOf(second))).toBe('repeat');
  });

  it('[SY1] may skip what was announced while the link was down', () => {
    expect(checkManifest(third, expected, tipOf(first))).toBe('new');
  });

  it('[SY1] refuses a stale one', () => {
    expect(reasonOf(() => checkManifest(first, expected, tipOf(second)))).toBe('manifest-stale');
  });

  it('[SY1] refuses a fork: the same sequence twice, or a successor that names another predecessor', () => {
    const other = signManifest(author, binding, tipOf(first), { refs: refs('4'), head: undefined }, 2_000);
    expect(reasonOf(() => checkManifest(other, expected, tipOf(second)))).toBe('manifest-forked');
    const successor = signManifest(author, binding, tipOf(other), { refs: refs('5'), head: undefined }, 2_000);
    expect(reasonOf(() => checkManifest(successor, expected, tipOf(second)))).toBe('manifest-forked');
  });

  it('[SY1] refuses one of another session, project, epoch or author', () => {
    const foreign: Partial<Manifest>[] = [
      { session: newSessionId() },
      { repo: repoIdentity([]) },
      { epoch: 2 },
      { author: createIdentity().peer },
    ];
    for (const change of foreign) {
      expect(reasonOf(() => checkManifest({ ...first, ...change }, expected, undefined))).toBe('manifest-foreign');
    }
  });

  it('[SY1] refuses any change to what was signed, and another key', () => {
    const changed: Partial<Manifest>[] = [
      { refs: [...refs('9')] },
      { refs: [] },
      { seq: first.seq + 1 },
      { prev: 'a'.repeat(64) },
      { head: 'refs/heads/other' as RefName },
      { signature: Buffer.alloc(64).toString('base64') },
      { signature: '' },
    ];
    for (const change of changed) {
      expect(reasonOf(() => checkManifest({ ...first, ...change }, expected, undefined))).toBe('manifest-unsigned');
    }
    const impostor = { ...expected, publicKey: createIdentity().publicKey };
    expect(reasonOf(() => checkManifest(first, impostor, undefined))).toBe('manifest-unsigned');
  });

  it('lists refs in one order, whatever order they came in', () => {
    expect(first.refs.map(([ref]) => ref)).toEqual(['refs/heads/main', 'refs/tags/v1']);
  });

  it('starts a later chain after an earlier one of the same author', () => {
    const rejoined = signManifest(author, binding, undefined, { refs: refs('6'), head: undefined }, 9_000);
    expect(checkManifest(rejoined, expected, tipOf(third))).toBe('new');
  });

  it('[LI8] of more refs than fit in a frame lists what fits, and always the branch that is checked out', () => {
    const many = new Map<RefName, Oid>();
    for (let n = 0; n < 20_500; n++) many.set(`refs/heads/${'x'.repeat(230)}${n}` as RefName, 'a'.repeat(64) as Oid);
    const head = 'refs/heads/zzz' as RefName;
    many.set(head, 'b'.repeat(64) as Oid);
    const { refs: listed } = signManifest(author, binding, undefined, { refs: many, head }, 1_000);
    expect(listed.length).toBeGreaterThan(10_000);
    expect(listed.at(-1)?.[0]).toBe(head);
    const manifest = signManifest(author, binding, undefined, { refs: many, head }, 1_000);
    expect(Buffer.byteLength(JSON.stringify(manifest))).toBeLessThan(MAX_CONTROL_FRAME_BYTES - 1_000);
  });
});

describe('the chain over restarts', () => {
  const peer = { peer: author.peer, publicKey: Buffer.from(author.publicKey).toString('base64') } as RosterEntry;
  const run = (tip: ManifestTip | undefined): ManifestLedger =>
    new ManifestLedger(author, binding, { tip, manifests: [] });
  const theirs = (): ManifestLedger => new ManifestLedger(createIdentity(), binding, { manifests: [] });

  it('[SY1] goes on where it was', () => {
    const others = theirs();
    const before = run(undefined);
    expect(others.receive(before.announce(refs('1'), undefined, 5_000), peer)).toBe(true);
    const after = run(before.tip);
    expect(after.announce(refs('2'), undefined, 4_000)).toMatchObject({ seq: 5_001, prev: before.tip?.hash });
    expect(others.receive(after.own!, peer)).toBe(true);
    expect(others.receive(after.own!, peer)).toBe(false);
  });

  it('[SY1] is believed although what was announced last was never saved here, as on a full disk', () => {
    const others = theirs();
    const before = run(undefined);
    before.announce(refs('1'), undefined, 5_000);
    const saved = before.tip;
    for (const each of ['2', '3', '4']) others.receive(before.announce(refs(each), undefined, 5_000), peer);
    const after = run(saved);
    expect(others.receive(after.announce(refs('5'), undefined, 60_000), peer)).toBe(true);
    expect(others.receive(after.announce(refs('6'), undefined, 60_000), peer)).toBe(true);
  });

  it('says who has our newest refs', () => {
    const ledger = run(undefined);
    expect(ledger.hasOurs(peer.peer)).toBe(false);
    ledger.announce(refs('1'), undefined, 1_000);
    ledger.acknowledge(peer.peer, 1_000);
    expect(ledger.hasOurs(peer.peer)).toBe(true);
    ledger.announce(refs('2'), undefined, 1_000);
    expect(ledger.hasOurs(peer.peer)).toBe(false);
    ledger.acknowledge(peer.peer, 1_001);
    ledger.acknowledge(peer.peer, 1_000);
    expect(ledger.hasOurs(peer.peer)).toBe(true);
  });
});
