import { formatIceCandidate, parseIceCandidate, type IceCandidate } from './ice-candidate.ts';

/**
 * What an offer or an answer says (RFC 8829), of which a data channel needs little: how to check for connectivity, and whose certificate
 * to expect. A peer's text never reaches the native parser: it is read here, and written anew from what was understood.
 */
export interface SessionDescription {
  /** Of ICE (RFC 8839 §5.4). */
  readonly ufrag: string;
  readonly password: string;
  /** SHA-256 of the certificate, as `AB:CD:…` (RFC 8122). */
  readonly fingerprint: string;
  /** Who opens DTLS (RFC 8842). */
  readonly setup: 'actpass' | 'active' | 'passive';
  readonly sctpPort: number;
  /** Those known when it was written; others follow one by one. */
  readonly candidates: readonly IceCandidate[];
}

const MAX_LENGTH = 20_000;
const MAX_LINES = 200;
const MAX_PORT = 65_535;
const DEFAULT_SCTP_PORT = 5_000;
/** What libdatachannel takes by default. Ours are smaller. */
const MAX_MESSAGE_SIZE = 262_144;

const MEDIA = /^m=application \d{1,5} (?:UDP|TCP)\/DTLS\/SCTP webrtc-datachannel$/;
const UFRAG = /^[A-Za-z0-9+/]{4,256}$/;
const PASSWORD = /^[A-Za-z0-9+/]{22,256}$/;
const FINGERPRINT = /^sha-256 ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})$/i;
const SETUP = /^(?:actpass|active|passive)$/;

/** Undefined when it is no description of one data channel between two ICE agents, with a SHA-256 fingerprint. */
export function parseSessionDescription(
  sdp: string,
  options?: Parameters<typeof parseIceCandidate>[1],
): SessionDescription | undefined {
  if (sdp.length > MAX_LENGTH) return undefined;
  const lines = sdp.split(/\r?\n/).filter((line) => line !== '');
  if (lines.length > MAX_LINES || lines[0] !== 'v=0') return undefined;
  const media = lines.filter((line) => line.startsWith('m='));
  if (media.length !== 1 || !MEDIA.test(media[0] ?? '')) return undefined;

  // With one medium, what is said of the session and what of the medium mean the same.
  const only = (name: string): string | undefined => {
    const values = lines.filter((line) => line.startsWith(`a=${name}:`)).map((line) => line.slice(name.length + 3));
    return values.length === 1 ? values[0] : undefined;
  };
  const ufrag = only('ice-ufrag') ?? '';
  const password = only('ice-pwd') ?? '';
  const fingerprint = FINGERPRINT.exec(only('fingerprint') ?? '')?.[1];
  const setup = only('setup') ?? '';
  const sctpPort = Number(only('sctp-port') ?? DEFAULT_SCTP_PORT);
  if (!UFRAG.test(ufrag) || !PASSWORD.test(password) || fingerprint === undefined || !SETUP.test(setup))
    return undefined;
  if (!Number.isInteger(sctpPort) || sctpPort < 1 || sctpPort > MAX_PORT) return undefined;
  const candidates = lines
    .filter((line) => line.startsWith('a=candidate:'))
    .map((line) => parseIceCandidate(line, options))
    .filter((candidate) => candidate !== undefined);
  return {
    ufrag,
    password,
    fingerprint: fingerprint.toUpperCase(),
    setup: setup as SessionDescription['setup'],
    sctpPort,
    candidates,
  };
}

export function formatSessionDescription(description: SessionDescription): string {
  const { ufrag, password, fingerprint, setup, sctpPort, candidates } = description;
  const lines = [
    'v=0',
    // Nobody looks at the origin; a random one would tell attempts of one peer apart for no purpose (RFC 8829 §5.2.1 wants one).
    'o=- 1 0 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'a=ice-options:ice2,trickle',
    `a=fingerprint:sha-256 ${fingerprint}`,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=sendrecv',
    `a=sctp-port:${sctpPort}`,
    `a=max-message-size:${MAX_MESSAGE_SIZE}`,
    `a=setup:${setup}`,
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    ...candidates.map((candidate) => `a=${formatIceCandidate(candidate)}`),
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}
