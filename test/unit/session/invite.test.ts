import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertUnexpired,
  decodeInvite,
  encodeInvite,
  inviteLink,
  looksLikeInvite,
  newSecret,
  newSessionId,
  type Invite,
} from '../../../extension/src/p2p/session/invite.ts';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { reasonOf } from '../../support/reason.ts';

const invite: Invite = {
  session: newSessionId(),
  secret: newSecret(),
  host: createIdentity().peer,
  hostName: 'Zoë',
  repoName: 'peerweave',
  addresses: [
    { tier: 'tcp', value: '192.0.2.7:4711' },
    { tier: 'tcp', value: '[2001:db8::1]:4711' },
  ],
  expiresAt: 1_800_000_000_000,
};
const code = encodeInvite(invite);

describe('invite', () => {
  it('[SE1] carries everything a guest needs, as a code and as any editor’s link', () => {
    expect(decodeInvite(code)).toEqual(invite);
    for (const scheme of ['vscode', 'code-oss', 'vscodium']) {
      expect(inviteLink(code, scheme)).toBe(`${scheme}://peerweave.peerweave/join#${code}`);
      expect(decodeInvite(inviteLink(code, scheme))).toEqual(invite);
    }
  });

  it('[SE2] carries the meeting place, when the session has one', () => {
    const meeting = { secret: newSecret(), urls: ['wss://signal.example.org', 'ws://[2001:db8::1]:8787/path'] };
    expect(decodeInvite(encodeInvite({ ...invite, meeting }))).toEqual({ ...invite, meeting });
    for (const url of ['https://signal.example.org', 'signal.example.org', 'file:///etc/passwd', '']) {
      const bad = encodeInvite({ ...invite, meeting: { ...meeting, urls: [url] } });
      expect(reasonOf(() => decodeInvite(bad))).toBe('invite-malformed');
    }
    expect(looksLikeInvite(encodeInvite({ ...invite, meeting }))).toBe(true);
  });

  it('survives the line breaks and spaces that chats add', () => {
    expect(decodeInvite(`  ${code.slice(0, 40)}\n ${code.slice(40)} \n`)).toEqual(invite);
  });

  it('says of every truncation that it is incomplete', () => {
    for (let length = 'pw1-'.length; length < code.length; length++) {
      expect(reasonOf(() => decodeInvite(code.slice(0, length)))).toBe('invite-malformed');
    }
  });

  it('says of every changed character that it is damaged', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: code.length - 1 }), fc.constantFrom('A', 'b', '7', '_'), (at, letter) => {
        fc.pre(code[at] !== letter);
        const changed = code.slice(0, at) + letter + code.slice(at + 1);
        // The last character of base64 has bits that mean nothing; a change there may still decode to the same bytes.
        const decoded = Buffer.from(changed.slice(4), 'base64url').equals(Buffer.from(code.slice(4), 'base64url'));
        if (!decoded) expect(reasonOf(() => decodeInvite(changed))).toBe('invite-malformed');
      }),
    );
  });

  it('tells something else from a damaged invite', () => {
    for (const text of ['', 'hello', 'https://example.org/join?ABC', `https://example.org/${'x'.repeat(10_000)}`]) {
      expect(reasonOf(() => decodeInvite(text))).toBe('invite-foreign');
      expect(looksLikeInvite(text)).toBe(false);
    }
    expect(looksLikeInvite(inviteLink(code, 'vscode'))).toBe(true);
  });

  it('refuses contents that the schema does not know, even with a right checksum', () => {
    const bad = encodeInvite({ ...invite, host: 'SHA256:short' as Invite['host'] });
    expect(reasonOf(() => decodeInvite(bad))).toBe('invite-malformed');
  });

  it('[SE1] expires, and says whom to ask', () => {
    expect(() => assertUnexpired(invite, invite.expiresAt - 1)).not.toThrow();
    expect(reasonOf(() => assertUnexpired(invite, invite.expiresAt))).toBe('invite-expired');
    expect(() => assertUnexpired(invite, invite.expiresAt)).toThrow(/Zoë/);
  });
});
