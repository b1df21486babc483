import { randomBytes } from 'node:crypto';
import { PeerweaveError } from '../../shared/errors.ts';
import type { Pipe } from '../transport/transport.ts';
import { verifySignature, type Identity } from './identity.ts';
import { readExactly } from './read-exactly.ts';
import type { ResumableStream } from './resumable-stream.ts';
import {
  KIND_RESUME,
  LINK_ID_BYTES,
  MAC_BYTES,
  NONCE_BYTES,
  position,
  POSITION_BYTES,
  preface,
  readPosition,
  RESUME_ACCEPTED,
  RESUME_UNKNOWN,
  resumeMac,
  sameMac,
  SIGNATURE_BYTES,
  unknownLinkText,
  type ResumeSecret,
} from './resume-wire.ts';

/** What one end knows of a link that may go on over another transport. */
export interface ResumableLink {
  readonly stream: ResumableStream;
  readonly secret: ResumeSecret;
}

/** A peer that proved to be the other end of the link, waiting on a transport of its own. */
export interface ResumeOffer {
  readonly pipe: Pipe;
  /** Milliseconds that its answer took. */
  readonly rttMs: number;
  /**
   * Moves the link there. Resolves when the peer has, too; until then the link stays on what it has. `turn` is higher than any before.
   * Waits without limit: destroy the pipe to give up.
   */
  take(turn: number): Promise<void>;
}

/** The peer itself says that it has no such link (any more): there is nothing to go on with. */
export class UnknownLinkError extends PeerweaveError {
  constructor() {
    super('link-lost', 'The peer does not know this link any more; it has probably restarted.');
  }
}

/**
 * The dialer's half. Leaves the present transport when the peer has lost it. Rejects when the other side is not the other end of this link, with `UnknownLinkError` when it is the peer, by
 * `publicKey`, and has no such link. `now` is a monotonic clock in milliseconds.
 */
export async function offerResume(
  pipe: Pipe,
  { stream, secret: { linkId, key } }: ResumableLink,
  publicKey: Uint8Array,
  now: () => number,
): Promise<ResumeOffer> {
  const askedAt = now();
  const carriedBy = stream.current;
  const nonceD = randomBytes(NONCE_BYTES);
  pipe.stream.write(Buffer.concat([preface(KIND_RESUME), linkId, nonceD]));
  const [answer] = await readExactly(pipe.stream, 1);
  if (answer === RESUME_UNKNOWN) {
    const signature = await readExactly(pipe.stream, SIGNATURE_BYTES);
    throw verifySignature(publicKey, unknownLinkText(linkId, nonceD), signature) ? new UnknownLinkError() : notOurs();
  }
  if (answer !== RESUME_ACCEPTED) throw notOurs();
  const lost = await readExactly(pipe.stream, 1);
  const nonceA = await readExactly(pipe.stream, NONCE_BYTES);
  const fields = [linkId, nonceD, lost, nonceA];
  if (!sameMac(await readExactly(pipe.stream, MAC_BYTES), resumeMac(key, 'here', fields))) throw notOurs();
  const rttMs = now() - askedAt;
  // It said so when it answered us; a transport that we have since then is another matter.
  if (lost[0] === 1 && stream.current === carriedBy) stream.detach(new Error('the peer has lost it'));
  return {
    pipe,
    rttMs,
    take: async (turn) => {
      fields.push(position(turn), position(stream.received));
      pipe.stream.write(Buffer.concat([...fields.slice(-2), resumeMac(key, 'come', fields)]));
      const receivedA = await readExactly(pipe.stream, POSITION_BYTES);
      const fromA = await readExactly(pipe.stream, POSITION_BYTES);
      fields.push(receivedA, fromA);
      if (!sameMac(await readExactly(pipe.stream, MAC_BYTES), resumeMac(key, 'came', fields))) throw notOurs();
      stream.attach(pipe, readPosition(receivedA), readPosition(fromA));
    },
  };
}

/** What a dialer names when it wants a link to go on: read from the transport after the preface. */
export interface ResumeRequest {
  readonly linkId: Buffer;
  readonly nonce: Buffer;
}

/** The name of the link that is to go on, as either end says it first. */
export const readLinkId = (pipe: Pipe): Promise<Buffer> => readExactly(pipe.stream, LINK_ID_BYTES);

export async function readResumeRequest(pipe: Pipe): Promise<ResumeRequest> {
  const linkId = await readLinkId(pipe);
  return { linkId, nonce: await readExactly(pipe.stream, NONCE_BYTES) };
}

export function refuseResume(pipe: Pipe, { linkId, nonce }: ResumeRequest, identity: Identity): void {
  const signature = identity.sign(unknownLinkText(linkId, nonce));
  pipe.stream.end(Buffer.concat([Buffer.from([RESUME_UNKNOWN]), signature]), () => pipe.stream.destroy());
}

/** The acceptor's half: moves the link to `pipe` once the dialer has proven to be its other end. `claim` says whether a turn is new. */
export async function acceptResume(
  pipe: Pipe,
  { linkId, nonce }: ResumeRequest,
  { stream, secret: { key } }: ResumableLink,
  claim: (turn: number) => boolean,
): Promise<void> {
  const lost = Buffer.from([stream.current ? 0 : 1]);
  const nonceA = randomBytes(NONCE_BYTES);
  const fields = [linkId, nonce, lost, nonceA];
  pipe.stream.write(Buffer.concat([Buffer.from([RESUME_ACCEPTED]), lost, nonceA, resumeMac(key, 'here', fields)]));
  const turn = await readExactly(pipe.stream, POSITION_BYTES);
  const receivedD = await readExactly(pipe.stream, POSITION_BYTES);
  fields.push(turn, receivedD);
  // The transport in use is cut only now: an unproven caller must not be able to.
  if (!sameMac(await readExactly(pipe.stream, MAC_BYTES), resumeMac(key, 'come', fields))) throw notOurs();
  if (!claim(readPosition(turn))) throw new PeerweaveError('link-lost', 'The link has gone elsewhere since.');
  const ours = stream.received;
  const from = Math.max(readPosition(receivedD), stream.acknowledgedByPeer);
  fields.push(position(ours), position(from));
  pipe.stream.write(Buffer.concat([...fields.slice(-2), resumeMac(key, 'came', fields)]));
  stream.attach(pipe, from, ours);
}

const notOurs = (): PeerweaveError =>
  new PeerweaveError('authentication-failed', 'What answered is not the other end of this link.');
