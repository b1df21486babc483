import { describe, expect, it } from 'vitest';
import { proxyFor } from '../../../extension/src/p2p/signaling/proxy.ts';
import { displayUrl, meetingUrl, parseSignalingUrl } from '../../../extension/src/p2p/signaling/signaling-url.ts';
import { reasonOf } from '../../support/reason.ts';

describe('a signaling URL', () => {
  it.each([
    ['wss://signal.example.org', 'wss://signal.example.org'],
    ['ws://127.0.0.1:4711/', 'ws://127.0.0.1:4711'],
    ['wss://[2001:db8::1]:8443/team/one', 'wss://[2001:db8::1]:8443/team/one'],
    ['wss://me:secret@signal.example.org/x?token=secret#secret', 'wss://signal.example.org/x'],
  ])('[SE8] %s is shown without what could be secret', (text, shown) => {
    expect(displayUrl(parseSignalingUrl(text))).toBe(shown);
  });

  it.each(['', 'signal.example.org', 'http://example.org', 'file:///etc/passwd', 'ws://', `ws://${'a'.repeat(300)}`])(
    '%j is none',
    (text) => expect(reasonOf(() => parseSignalingUrl(text))).toBe('bad-request'),
  );
});

describe('where a server tells to meet', () => {
  const at = (text: string, own = 'wss://signal.example.org'): string | undefined =>
    meetingUrl(text, new URL(own))?.href;

  it('may be another node', () => {
    expect(at('wss://node-2.example.org/x')).toBe('wss://node-2.example.org/x');
    expect(at('ws://127.0.0.1:2', 'ws://127.0.0.1:1')).toBe('ws://127.0.0.1:2/');
    expect(at('ws://192.168.1.2:2', 'ws://localhost:1')).toBe('ws://192.168.1.2:2/');
    expect(at('wss://192.0.2.7')).toBe('wss://192.0.2.7/');
  });

  it.each([
    ['less secret than the server is', 'ws://node-2.example.org'],
    ['no WebSocket', 'https://node-2.example.org'],
    ['with credentials', 'wss://me:pass@node-2.example.org'],
    ['with a name', 'wss://me@node-2.example.org'],
    ['with a fragment', 'wss://node-2.example.org/#x'],
    ['this machine', 'wss://localhost:6379'],
    ['this machine by a name under it', 'wss://x.localhost:6379'],
    ['this machine by number', 'wss://127.0.0.1:6379'],
    ['this machine by one number', 'wss://2130706433'],
    ['this machine in hexadecimal', 'wss://0x7f.1'],
    ['this machine by IPv6', 'wss://[::1]:6379'],
    ['this machine by IPv6 for IPv4', 'wss://[::ffff:127.0.0.1]'],
    ['any address of this machine', 'wss://0.0.0.0'],
    ['any IPv6 address of this machine', 'wss://[::]'],
    ['a private network', 'wss://10.1.2.3'],
    ['a home router', 'wss://192.168.0.1'],
    ['a cloud’s metadata', 'wss://169.254.169.254'],
    ['a link-local address', 'wss://[fe80::1]'],
    ['a unique local address', 'wss://[fd00::1]'],
    ['a name that is local', 'wss://printer.local'],
    ['nothing', ''],
    ['too long', `wss://example.org/${'x'.repeat(300)}`],
  ])('is not followed when it is %s', (_, text) => expect(at(text)).toBeUndefined());
});

describe('the proxy', () => {
  const through = (url: string, env: Record<string, string>): string | undefined => proxyFor(new URL(url), env)?.host;
  const env = { HTTPS_PROXY: 'http://secure.proxy:3128', http_proxy: 'plain.proxy:8080' };

  it('is the one that the environment names for the scheme', () => {
    expect(through('wss://a.example', env)).toBe('secure.proxy:3128');
    expect(through('ws://a.example', env)).toBe('plain.proxy:8080');
    expect(through('ws://a.example', { ALL_PROXY: 'http://any.proxy:1' })).toBe('any.proxy:1');
    expect(through('wss://a.example', {})).toBeUndefined();
    expect(through('wss://a.example', { HTTPS_PROXY: '' })).toBeUndefined();
  });

  it.each(['socks5://s:1', '://', 'http://'])('is none that cannot be spoken to: %s', (proxy) => {
    expect(through('wss://a.example', { HTTPS_PROXY: proxy })).toBeUndefined();
  });

  it.each([
    ['a.example', 'wss://a.example'],
    ['.example', 'wss://a.example'],
    ['*.example', 'wss://a.example'],
    ['example', 'wss://a.example'],
    ['other.example, A.EXAMPLE', 'wss://a.example'],
    ['a.example:443', 'wss://a.example'],
    ['127.0.0.1', 'ws://127.0.0.1:99'],
    ['::1', 'ws://[::1]:99'],
    ['[::1]:99', 'ws://[::1]:99'],
    ['*', 'wss://a.example'],
  ])('is left out by NO_PROXY=%s for %s', (list, url) => {
    expect(through(url, { ...env, NO_PROXY: list })).toBeUndefined();
  });

  it.each([
    ['b.example', 'wss://a.example'],
    ['a.example:444', 'wss://a.example'],
    ['ample', 'wss://a.example'],
    [' , ', 'wss://a.example'],
    ['1', 'ws://[::1]'],
  ])('is used in spite of NO_PROXY=%s for %s', (list, url) => {
    expect(through(url, { ...env, no_proxy: list })).toBeDefined();
  });
});
