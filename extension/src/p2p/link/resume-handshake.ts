import { randomBytes } from 'node:crypto';
import { PeerweaveError } from '../../shared/errors.ts';
import type { Pipe } from '../transport/transport.ts';
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
  type ResumeSecret,
} from './resume-wire.ts';

/** A peer that proved to be the other end of the link, waiting on a transport of its own. */
export interface ResumeOffer {
  /** Moves the link there. */
  take(): void;
}

/** The peer has no such link (any more): there is nothing to go on with. */
export class UnknownLinkError extends PeerweaveError {
  constructor() {
    super('link-lost', 'The peer does not know this link any more; it has probably restarted.');
  }
}

/** The dialer's half, up to the point where it commits. Rejects when the other side is not the other end of this link. */
export async function offerResume(pipe: Pipe, secret: ResumeSecret, stream: ResumableStream): Promise<ResumeOffer> {
  const nonceD = randomBytes(NONCE_BYTES);
  pipe.stream.write(Buffer.concat([preface(KIND_RESUME), secret.linkId, nonceD]));
  const [answer] = await readExactly(pipe.stream, 1);
  if (answer === RESUME_UNKNOWN) throw new UnknownLinkError();
  if (answer !== RESUME_ACCEPTED) throw notOurs();
  const nonceA = await readExactly(pipe.stream, NONCE_BYTES);
  const receivedA = await readExactly(pipe.stream, POSITION_BYTES);
  const fields = [secret.linkId, nonceD, nonceA, receivedA];
  if (!sameMac(await readExactly(pipe.stream, MAC_BYTES), resumeMac(secret.key, 'acceptor', fields))) throw notOurs();
  return {
    take: () => {
      const receivedD = position(stream.received);
      const mac = resumeMac(secret.key, 'dialer', [...fields, receivedD]);
      pipe.stream.write(Buffer.concat([receivedD, mac]));
      stream.attach(pipe, readPosition(receivedA), stream.received);
    },
  };
}

/** What a dialer names when it wants a link back: read from the transport after the preface. */
export interface ResumeRequest {
  readonly linkId: Buffer;
  readonly nonce: Buffer;
}

export async function readResumeRequest(pipe: Pipe): Promise<ResumeRequest> {
  const linkId = await readExactly(pipe.stream, LINK_ID_BYTES);
  return { linkId, nonce: await readExactly(pipe.stream, NONCE_BYTES) };
}

export function refuseResume(pipe: Pipe): void {
  pipe.stream.end(Buffer.from([RESUME_UNKNOWN]), () => pipe.stream.destroy());
}

/** The acceptor's half: moves the link to `pipe` once the dialer has proven to be its other end. */
export async function acceptResume(
  pipe: Pipe,
  { linkId, nonce }: ResumeRequest,
  { key }: ResumeSecret,
  stream: ResumableStream,
): Promise<void> {
  const nonceA = randomBytes(NONCE_BYTES);
  const ours = stream.received;
  const fields = [linkId, nonce, nonceA, position(ours)];
  pipe.stream.write(
    Buffer.concat([Buffer.from([RESUME_ACCEPTED]), nonceA, position(ours), resumeMac(key, 'acceptor', fields)]),
  );
  const receivedD = await readExactly(pipe.stream, POSITION_BYTES);
  const mac = await readExactly(pipe.stream, MAC_BYTES);
  // The transport in use is cut only now: an unproven caller must not be able to.
  if (!sameMac(mac, resumeMac(key, 'dialer', [...fields, receivedD]))) throw notOurs();
  stream.attach(pipe, readPosition(receivedD), ours);
}

const notOurs = (): PeerweaveError =>
  new PeerweaveError('authentication-failed', 'What answered is not the other end of this link.');
