import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatSessionDescription,
  parseSessionDescription,
} from '../../../extension/src/p2p/transport/session-description.ts';

const FINGERPRINT = Array.from({ length: 32 }, (_, index) => index.toString(16).padStart(2, '0').toUpperCase()).join(
  ':',
);

/** As libdatachannel 0.24 writes it. */
const OFFER = [
  'v=0',
  'o=rtc 2013790376 0 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0',
  'a=msid-semantic:WMS *',
  'a=ice-options:ice2,trickle',
  `a=fingerprint:sha-256 ${FINGERPRINT}`,
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'c=IN IP4 0.0.0.0',
  'a=mid:0',
  'a=sendrecv',
  'a=sctp-port:5000',
  'a=max-message-size:262144',
  'a=setup:actpass',
  'a=ice-ufrag:+aMW',
  'a=ice-pwd:mbqO24Gsu+yiprkJHgh6dy',
  'a=candidate:1 1 UDP 2114977791 192.0.2.2 36492 typ host',
  'a=candidate:2 1 UDP 2114977791 somebody.local 36492 typ host',
  '',
];
const offer = (change: (lines: string[]) => string[] = (lines) => lines): string => change([...OFFER]).join('\r\n');
const without = (start: string) => (lines: string[]) => lines.filter((line) => !line.startsWith(start));
const replaced = (start: string, by: string) => (lines: string[]) =>
  lines.map((line) => (line.startsWith(start) ? by : line));
const added = (line: string) => (lines: string[]) => [...lines.slice(0, -1), line, ''];

describe('session descriptions of a peer', () => {
  it('are read, without the candidates that are of no use', () => {
    expect(parseSessionDescription(offer())).toEqual({
      ufrag: '+aMW',
      password: 'mbqO24Gsu+yiprkJHgh6dy',
      fingerprint: FINGERPRINT,
      setup: 'actpass',
      sctpPort: 5000,
      candidates: [{ foundation: '1', priority: 2114977791, address: '192.0.2.2', port: 36492, type: 'host' }],
    });
  });

  it('are written so that they read the same', () => {
    const read = parseSessionDescription(offer())!;
    expect(parseSessionDescription(formatSessionDescription(read))).toEqual(read);
  });

  it.each([
    ['nothing', ''],
    ['something else', 'hello'],
    ['no media', offer(without('m='))],
    ['two media', offer(added('m=application 9 UDP/DTLS/SCTP webrtc-datachannel'))],
    ['audio', offer(replaced('m=', 'm=audio 9 UDP/TLS/RTP/SAVPF 111'))],
    ['no ICE user', offer(without('a=ice-ufrag'))],
    ['two ICE users', offer(added('a=ice-ufrag:abcd'))],
    ['a short ICE password', offer(replaced('a=ice-pwd', 'a=ice-pwd:short'))],
    ['no fingerprint', offer(without('a=fingerprint'))],
    ['a weak fingerprint', offer(replaced('a=fingerprint', `a=fingerprint:sha-1 ${FINGERPRINT.slice(0, 59)}`))],
    ['half a fingerprint', offer(replaced('a=fingerprint', `a=fingerprint:sha-256 ${FINGERPRINT.slice(0, 59)}`))],
    ['no DTLS role', offer(without('a=setup'))],
    ['a DTLS role that there is not', offer(replaced('a=setup', 'a=setup:holdconn'))],
    ['an SCTP port that is none', offer(replaced('a=sctp-port', 'a=sctp-port:70000'))],
    ['too many lines', offer((lines) => [...lines, ...Array.from({ length: 200 }, () => 'a=x')])],
    ['too long a text', offer(added(`a=${'x'.repeat(20_000)}`))],
  ])('are refused with %s', (_, sdp) => expect(parseSessionDescription(sdp)).toBeUndefined());

  it('never bring anything along that was not understood', () => {
    const noise = fc.string().map((text) => `a=${text}`);
    fc.assert(
      fc.property(fc.array(noise), fc.nat(OFFER.length), (lines, at) => {
        const read = parseSessionDescription(offer((known) => [...known.slice(0, at), ...lines, ...known.slice(at)]));
        if (read === undefined) return;
        expect(formatSessionDescription(read)).toBe(formatSessionDescription(parseSessionDescription(offer())!));
      }),
    );
  });
});
