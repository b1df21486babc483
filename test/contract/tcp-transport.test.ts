import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { tcpTransport } from '../../extension/src/p2p/transport/tcp.ts';
import { formatTcpAddress, parseTcpAddress } from '../../extension/src/p2p/transport/tcp-address.ts';
import type { TransportAddress } from '../../extension/src/p2p/transport/transport.ts';
import { describeTransportContract } from './transport-contract.ts';

/** A port that was free a moment ago. */
async function closedPort(): Promise<TransportAddress> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return formatTcpAddress('127.0.0.1', port);
}

describeTransportContract('tcp', async () => ({
  transport: tcpTransport,
  listenOptions: { host: '127.0.0.1' },
  nobody: closedPort,
  malformed: { tier: 'tcp', value: 'no address' },
}));

describe('tcp', () => {
  it('gives one address for each interface, and loopback last, when it listens on all', async () => {
    const listener = await tcpTransport.listen({ onPipe: ({ stream }) => stream.destroy() });
    const hosts = listener.addresses.map(({ value }) => parseTcpAddress(value)?.host);
    const v4 = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    expect(hosts.at(-1)).toBe('127.0.0.1');
    expect(hosts).toEqual(expect.arrayContaining(v4.map(({ address }) => address)));
    expect(new Set(listener.addresses.map(({ value }) => parseTcpAddress(value)?.port)).size).toBe(1);
    const pipe = await tcpTransport.dial(listener.addresses.at(-1)!);
    pipe.stream.destroy();
    listener.dispose();
  });

  it('says which port is taken', async () => {
    const listener = await tcpTransport.listen({ host: '127.0.0.1', onPipe: () => undefined });
    const { port } = parseTcpAddress(listener.addresses[0]!.value)!;
    const again = tcpTransport.listen({ host: '127.0.0.1', port, onPipe: () => undefined });
    await expect(again).rejects.toMatchObject({ reason: 'unreachable' });
    await expect(again).rejects.toThrow(String(port));
    listener.dispose();
  });

  it('gives up on an address that never answers', async () => {
    // TEST-NET-1 (RFC 5737) is routed nowhere; some sandboxes refuse at once, which is `unreachable` as well.
    const dialing = tcpTransport.dial({ tier: 'tcp', value: '192.0.2.254:9' }, { timeoutMs: 50 });
    await expect(dialing).rejects.toMatchObject({ reason: 'unreachable' });
  });

  it.each([
    ['192.0.2.7:4711', { host: '192.0.2.7', port: 4711 }],
    ['example.org:1', { host: 'example.org', port: 1 }],
    ['[2001:db8::7]:65535', { host: '2001:db8::7', port: 65535 }],
  ])('reads and writes %s', (value, parsed) => {
    expect(parseTcpAddress(value)).toEqual(parsed);
    expect(formatTcpAddress(parsed.host, parsed.port).value).toBe(value);
  });

  it.each(['', ':1', 'a:0', 'a:65536', 'a:1x', '2001:db8::7:1', '[x]:1', '[::1]', 'http://a:1', 'a b:1', 'a/b:1'])(
    'takes %j for no address',
    (value) => expect(parseTcpAddress(value)).toBeUndefined(),
  );
});
