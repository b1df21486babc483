import { describe, expect, it } from 'vitest';
import type { IceCandidate } from '../../../extension/src/p2p/transport/ice-candidate.ts';
import {
  whyNotConnected,
  type ConnectionFacts,
} from '../../../extension/src/p2p/transport/webrtc-process/diagnosis.ts';

const of = (type: IceCandidate['type']): IceCandidate => ({
  foundation: '1',
  priority: 1,
  address: '192.0.2.7',
  port: 9,
  type,
});
const stun = { kind: 'stun', host: 'stun.example.org', port: 3478 } as const;
const turn = { kind: 'turn', host: 't', port: 1, transport: 'udp', username: 'u', credential: 'c' } as const;
const nothing: ConnectionFacts = {
  heard: true,
  iceConnected: false,
  ours: [of('host')],
  theirs: [of('host'), of('host')],
  servers: { stun: undefined, turn: [] },
  problems: [],
};

describe('why WebRTC did not connect', () => {
  it.each<[string, Partial<ConnectionFacts>, string]>([
    ['nobody answers', { heard: false }, 'The other side did not answer.'],
    ['there is nothing to try', { theirs: [] }, 'The other side named no address to try.'],
    ['there is nothing to offer', { ours: [] }, 'This machine has no address to offer.'],
    [
      'no server is known',
      {},
      'No packet came through between 1 local address here and 2 local addresses there. No STUN or TURN server is known; with one, routers could be passed.',
    ],
    [
      'the STUN server is silent',
      { servers: { stun, turn: [] } },
      'No packet came through between 1 local address here and 2 local addresses there. The STUN server did not answer: UDP may be blocked here.',
    ],
    [
      'routers are symmetric',
      { servers: { stun, turn: [] }, ours: [of('host'), of('srflx')] },
      'No packet came through between 1 local and 1 outside addresses here and 2 local addresses there. Routers like these need a TURN server.',
    ],
    [
      'the TURN server is silent',
      { servers: { stun, turn: [turn] }, problems: ['turns:t:1: certificate has expired'] },
      'No packet came through between 1 local address here and 2 local addresses there. turns:t:1: certificate has expired. The TURN server did not answer.',
    ],
    [
      'even TURN does not help',
      { servers: { stun, turn: [turn] }, ours: [of('relay')] },
      'No packet came through between 1 relayed address here and 2 local addresses there. Not even through the TURN server: UDP may be blocked between it and the other side.',
    ],
    [
      'the path is bad',
      { iceConnected: true },
      'A way to the other side was found, but packets on it were lost before WebRTC was ready.',
    ],
  ])('when %s', (_, facts, text) => expect(whyNotConnected({ ...nothing, ...facts })).toBe(text));
});
