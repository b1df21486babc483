import { describe, expect, it } from 'vitest';
import { chooseIceServers, parseIceServer, parseIceServers } from '../../../extension/src/p2p/transport/ice-servers.ts';
import { reasonOf } from '../../support/reason.ts';

const login = { username: 'ann', credential: 'secret' };

describe('ICE servers', () => {
  it.each([
    ['stun:stun.example.org', { kind: 'stun', host: 'stun.example.org', port: 3478 }],
    ['stun:192.0.2.7:9', { kind: 'stun', host: '192.0.2.7', port: 9 }],
    ['stun:[2001:db8::7]:9', { kind: 'stun', host: '2001:db8::7', port: 9 }],
    ['turn:turn.example.org', { kind: 'turn', host: 'turn.example.org', port: 3478, transport: 'udp', ...login }],
    ['turn:t:80?transport=udp', { kind: 'turn', host: 't', port: 80, transport: 'udp', ...login }],
    ['turn:t?transport=tcp', { kind: 'turn', host: 't', port: 3478, transport: 'tcp', ...login }],
    ['turns:t', { kind: 'turn', host: 't', port: 5349, transport: 'tls', ...login }],
    ['turns:t:443?transport=tcp', { kind: 'turn', host: 't', port: 443, transport: 'tls', ...login }],
  ])('reads %s', (urls, expected) => expect(parseIceServer({ urls, ...login })).toEqual([expected]));

  it('reads several URLs of one server', () => {
    expect(parseIceServer({ urls: ['turn:t', 'turns:t'], ...login })).toHaveLength(2);
  });

  it.each([
    'http://t',
    'stun:',
    'stun:a b',
    'stun:t:0',
    'stun:t:65536',
    'stun:t/path',
    'stun:t?transport=tcp',
    'stuns:t',
    'stun:[::x]',
    'turn:t?transport=sctp',
    'turns:t?transport=udp',
    'turn:ann:secret@t',
  ])('refuses %s', (urls) => expect(reasonOf(() => parseIceServer({ urls, ...login }))).toBe('bad-request'));

  it('refuses TURN without credentials', () => {
    expect(reasonOf(() => parseIceServer({ urls: 'turn:t' }))).toBe('bad-request');
  });

  it('does not repeat a credential in what it says [SE8]', () => {
    expect(() => parseIceServer({ urls: 'turn:ann:hunter2@t' })).toThrow(/…@t/);
    expect(() => parseIceServer({ urls: 'turn:ann:hunter2@t' })).not.toThrow(/hunter2/);
  });

  it('leaves out what a server names wrongly, and says so', () => {
    const problems: string[] = [];
    const servers = parseIceServers([{ urls: 'stun:a' }, { urls: 'gopher:b' }], ({ message }) =>
      problems.push(message),
    );
    expect(servers).toEqual([{ kind: 'stun', host: 'a', port: 3478 }]);
    expect(problems).toEqual([expect.stringContaining('gopher:b')]);
  });

  it('takes each of several in turn, and of TURN one over UDP and one that passes where UDP does not', () => {
    const urls = ['stun:a', 'stun:b', 'turn:u', 'turn:t?transport=tcp', 'turns:s1', 'turns:s2'];
    const servers = parseIceServers([{ urls, ...login }]);
    const chosen = (turn: number): string[] => {
      const { stun, turn: relays } = chooseIceServers(servers, turn);
      return [stun!.host, ...relays.map(({ host }) => host)];
    };
    expect([chosen(0), chosen(1), chosen(2)]).toEqual([
      ['a', 'u', 's1'],
      ['b', 'u', 's2'],
      ['a', 'u', 's1'],
    ]);
    expect(chooseIceServers([], 3)).toEqual({ stun: undefined, turn: [] });
  });
});
