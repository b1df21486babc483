import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIceCandidate, parseIceCandidate } from '../../../extension/src/p2p/transport/ice-candidate.ts';

const candidate = (address: string, rest = '4711 typ host'): string =>
  `candidate:1 1 UDP 2114977791 ${address} ${rest}`;

describe('ICE candidates of a peer', () => {
  it.each([
    [candidate('192.0.2.7'), { address: '192.0.2.7', port: 4711, type: 'host' }],
    [`a=${candidate('192.0.2.7')}`, { address: '192.0.2.7' }],
    [
      candidate('2001:db8::7', '9 typ srflx raddr 10.0.0.1 rport 5'),
      { address: '2001:db8::7', port: 9, type: 'srflx' },
    ],
    [candidate('10.1.2.3', '65535 typ relay'), { address: '10.1.2.3', port: 65535, type: 'relay' }],
    [candidate('192.0.2.7').replace('UDP', 'udp'), { type: 'host' }],
  ])('reads %s', (line, expected) => expect(parseIceCandidate(line)).toMatchObject(expected));

  it('is written without the address behind the NAT', () => {
    const line = candidate('198.51.100.7', '9 typ srflx raddr 10.0.0.1 rport 5');
    expect(formatIceCandidate(parseIceCandidate(line)!)).toBe('candidate:1 1 UDP 2114977791 198.51.100.7 9 typ srflx');
  });

  it.each([
    ['nothing', ''],
    ['no candidate', 'candidate:'],
    ['a name, which would have to be asked for', candidate('example.org')],
    ['an mDNS name', candidate('4f9c1c1e-6d2a-4a8e-8a39-1b7b3f0c9d11.local')],
    ['TCP', 'candidate:1 1 TCP 1 192.0.2.7 9 typ host tcptype active'],
    ['a second component', 'candidate:1 2 UDP 1 192.0.2.7 9 typ host'],
    ['port 0', candidate('192.0.2.7', '0 typ host')],
    ['a port too large', candidate('192.0.2.7', '65536 typ host')],
    ['a priority too large', 'candidate:1 1 UDP 9999999999 192.0.2.7 9 typ host'],
    ['a type that there is not', candidate('192.0.2.7', '9 typ hosts')],
    ['half an address', candidate('192.0.2')],
    ['an address with a zone', candidate('fe80::1%eth0')],
    ['a second line', `${candidate('192.0.2.7')}\r\na=ice-lite`],
    ['broadcast', candidate('255.255.255.255')],
    ['multicast', candidate('224.0.0.251')],
    ['IPv6 multicast', candidate('ff02::fb')],
    ['this network', candidate('0.0.0.0')],
    ['any address', candidate('::')],
    ['a link-local address', candidate('fe80::1')],
    ['IPv4 dressed up as IPv6', candidate('::ffff:127.0.0.1')],
    ['the same in hexadecimal', candidate('::ffff:7f00:1')],
    ['this machine', candidate('127.0.0.1')],
    ['this machine by another name', candidate('127.1.2.3')],
    ['this machine in IPv6', candidate('::1')],
  ])('ignores %s', (_, line) => expect(parseIceCandidate(line)).toBeUndefined());

  it('takes loopback where there is no other network', () => {
    expect(parseIceCandidate(candidate('127.0.0.1'), { allowLoopback: true })).toBeDefined();
    expect(parseIceCandidate(candidate('::1'), { allowLoopback: true })).toBeDefined();
  });

  it('never throws, and what it takes is one line that reads as the same again', () => {
    const pieces = fc.constantFrom(
      'candidate:',
      'a=',
      '1 1 UDP 1 ',
      '192.0.2.7',
      '::1',
      ' 9',
      ' typ ',
      'host',
      '\r\n',
      '%',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces).map((parts) => parts.join('')),
        ),
        (line) => {
          const read = parseIceCandidate(line);
          if (read === undefined) return;
          const written = formatIceCandidate(read);
          expect(written).not.toMatch(/[\r\n]/);
          expect(parseIceCandidate(written)).toEqual(read);
        },
      ),
    );
  });
});
