import { describe, expect, it } from 'vitest';
import { createIdentity, type Identity } from '../../../extension/src/p2p/link/identity.ts';
import type { RosterEntry } from '../../../extension/src/p2p/link/control-protocol.ts';
import { newSessionId } from '../../../extension/src/p2p/session/invite.ts';
import { checkInviteProof, proveInvite } from '../../../extension/src/p2p/session/proof.ts';
import { admit, Roster } from '../../../extension/src/p2p/session/roster.ts';

const session = newSessionId();
const [founder, alice, bob, mallory] = [createIdentity(), createIdentity(), createIdentity(), createIdentity()];
const entry = (by: Identity, who: Identity, role: RosterEntry['role'], addedAt = 1): RosterEntry =>
  admit(by, session, { peer: who.peer, publicKey: who.publicKey, name: 'x', role, epoch: 1, addedAt });

const founding = entry(founder, founder, 'owner');
const names = (roster: Roster): string[] => roster.entries().map(({ peer }) => peer);

describe('roster', () => {
  it('[SE5] takes members that an owner signed, in any order', () => {
    const roster = new Roster(session, founder.peer);
    const entries = [entry(alice, bob, 'write', 3), entry(founder, alice, 'owner', 2), founding];
    expect(roster.merge(entries)).toHaveLength(3);
    expect(names(roster)).toEqual([founder.peer, alice.peer, bob.peer]);
  });

  it('[SE5] ignores who signed itself, was signed by a mere member, or by nobody known', () => {
    const roster = new Roster(session, founder.peer);
    roster.merge([founding, entry(founder, alice, 'write')]);
    const forged = [entry(mallory, mallory, 'owner'), entry(alice, bob, 'write'), entry(mallory, bob, 'write')];
    expect(roster.merge(forged)).toEqual([]);
  });

  it('[SE5] ignores an entry that was changed, belongs to another session, or whose key is not its fingerprint’s', () => {
    const roster = new Roster(session, founder.peer);
    roster.merge([founding]);
    const good = entry(founder, alice, 'write');
    const elsewhere = admit(founder, newSessionId(), { ...good, publicKey: alice.publicKey });
    const swapped = { ...good, publicKey: Buffer.from(mallory.publicKey).toString('base64') };
    expect(roster.merge([{ ...good, role: 'owner' }, { ...good, name: 'root' }, elsewhere, swapped])).toEqual([]);
    expect(roster.merge([{ ...good, publicKey: 'AAAA' }])).toEqual([]);
    expect(roster.merge([good])).toEqual([good]);
  });

  it('keeps the newer of two entries for one member', () => {
    const roster = new Roster(session, founder.peer);
    const [older, newer] = [entry(founder, alice, 'write', 5), entry(founder, alice, 'read', 6)];
    roster.merge([founding, newer]);
    expect(roster.merge([older])).toEqual([]);
    expect(roster.get(alice.peer)?.role).toBe('read');
  });
});

describe('invite proof', () => {
  const secret = new Uint8Array(16).fill(7);
  const context = { sessionBinding: new Uint8Array(32).fill(1), guest: alice.peer, host: founder.peer };

  it('[SE4] proves the secret over one SSH session between two keys, and nothing else', () => {
    const proof = proveInvite(secret, context);
    expect(checkInviteProof(secret, context, proof)).toBe(true);
    const others = [
      { ...context, sessionBinding: new Uint8Array(32).fill(2) },
      { ...context, guest: mallory.peer },
      { ...context, host: mallory.peer },
    ];
    for (const other of others) expect(checkInviteProof(secret, other, proof)).toBe(false);
    expect(checkInviteProof(new Uint8Array(16), context, proof)).toBe(false);
    expect(checkInviteProof(secret, context, proof.subarray(1))).toBe(false);
  });
});
