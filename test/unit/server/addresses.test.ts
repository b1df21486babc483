import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { groupOf, TrustedProxies } from '../../../server/addresses.ts';
import { reasonOf } from '../../support/reason.ts';

const request = (remoteAddress: string, forwardedFor?: string): IncomingMessage =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwardedFor } }) as unknown as IncomingMessage;

describe('where a request comes from', () => {
  const proxies = new TrustedProxies(['10.0.0.0/8', '192.0.2.1', 'fd00::/8']);

  it.each([
    ['nobody is trusted with the header who is no proxy', '198.51.100.1', '203.0.113.9', '198.51.100.1'],
    ['a proxy tells', '10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['a proxy tells, over a dual-stack socket', '::ffff:10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['a proxy tells, over IPv6', 'fd12::1', '2001:db8::9', '2001:db8::9'],
    ['what the client wrote itself is before what the proxy added', '10.1.2.3', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
    ['proxies behind proxies', '10.1.2.3', '203.0.113.9, 192.0.2.1, 10.9.9.9', '203.0.113.9'],
    ['a proxy that says nothing', '10.1.2.3', undefined, '10.1.2.3'],
    ['a proxy that says nonsense', '10.1.2.3', 'unknown', '10.1.2.3'],
  ])('%s', (_name, direct, header, client) => {
    expect(proxies.clientOf(request(direct, header))).toBe(client);
  });

  it.each(['everybody', '10.0.0.0/33', '10.0.0.0/x', 'fd00::/129', '10.0.0/8', '/8', '10.0.0.0/-1', '10.0.0.0/'])(
    'takes no %j for a network',
    (network) => {
      expect(reasonOf(() => new TrustedProxies([network]))).toBe('bad-request');
    },
  );
});

describe('whom limits of an address count as one', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2::1', '2001:db8:1:2'],
    ['2001:0db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1', 'fe80:0:0:0'],
  ])('%s is one of %s', (address, group) => {
    expect(groupOf(address)).toBe(group);
  });
});
