import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { iceServer } from '../../../extension/src/p2p/signaling/wire/messages.ts';
import { IceServers, turnCredentials } from '../../../server/turn.ts';
import { reasonOf } from '../../support/reason.ts';

describe('ICE servers for clients', () => {
  it('makes the credential that a TURN server with the same secret makes', () => {
    const { username, credential } = turnCredentials('north', 1_800_000_000, 'ab12');
    expect(username).toBe('1800000000:ab12');
    const openssl = ['dgst', '-sha1', '-hmac', 'north', '-binary'];
    expect(credential).toBe(execFileSync('openssl', openssl, { input: username }).toString('base64'));
  });

  it('are good for as long as it says, and name nobody', () => {
    const turn = { urls: ['turn:turn.example.org:3478?transport=udp'], secret: 'north', seconds: 60 };
    const servers = new IceServers(['stun:stun.example.org'], turn);
    const [first, second] = [servers.now(5_000_999), servers.now(5_000_999)];
    expect(first.iceSeconds).toBe(60);
    expect(first.ice.map((each) => iceServer.parse(each))).toEqual(first.ice);
    expect(first.ice[0]).toEqual({ urls: ['stun:stun.example.org'] });
    expect(first.ice[1]?.username).toMatch(/^5060:[0-9a-f]{16}$/);
    expect(first.ice[1]?.username).not.toBe(second.ice[1]?.username);
  });

  it('are none when none are configured', () => {
    expect(new IceServers([], undefined).now().ice).toEqual([]);
  });

  it.each([
    ['turn:host'],
    ['turn:192.0.2.1:3478?transport=tcp'],
    ['turns:turn.example.org:443?transport=tcp'],
    ['turn:[2001:db8::1]:3478'],
  ])('takes %s', (url) => {
    expect(new IceServers([], { urls: [url], secret: 's' }).now().ice[0]?.urls).toEqual([url]);
  });

  it.each([
    ['stun:host'],
    ['turn://host'],
    ['turn:user@host'],
    ['turn:host:port'],
    ['turn:host?transport=sctp'],
    ['turn:'],
    ['turn:a b'],
  ])('does not take %s for TURN', (url) => {
    expect(reasonOf(() => new IceServers([], { urls: [url], secret: 's' }))).toBe('bad-request');
  });
});
