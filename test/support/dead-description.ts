/** A description that reads well, of somebody who will never answer a packet. */
export const deadDescription = (setup: 'actpass' | 'active'): string =>
  [
    'v=0',
    'o=- 1 0 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'a=mid:0',
    'a=sctp-port:5000',
    `a=setup:${setup}`,
    'a=ice-ufrag:dead',
    'a=ice-pwd:deaddeaddeaddeaddeaddead',
    '',
  ].join('\r\n');
