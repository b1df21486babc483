import * as z from 'zod';
import { PeerweaveError } from '../../shared/errors.ts';
import type { LinkHello } from './link.ts';
import { peerText } from '../../shared/peer-text.ts';

/**
 * The first frame of the control channel, both ways at once (LI6). Its shape never changes, so that builds of any two versions can
 * tell each other what they are. Limits: a build announces a dozen capabilities of a few letters.
 */
const helloSchema = z.object({
  protocol: z.int().min(0),
  software: z.string().max(100),
  /** Random for each run of the engine: tells a peer that restarted from one that merely dialed again. */
  instance: z.string().max(64),
  /** The dialer's count of its dials (LI5); an acceptor says 0. */
  dial: z.int().min(0),
  /** What this build can do beyond the protocol version; unknown ones are ignored. */
  capabilities: z.array(z.string().max(64)).max(64),
});

export const encodeHello = (hello: LinkHello): Buffer => Buffer.from(JSON.stringify(hello));

/** Throws `PeerweaveError` with reason `protocol-violation` when `frame` is no hello. */
export function decodeHello(frame: Buffer): LinkHello {
  try {
    return helloSchema.parse(JSON.parse(frame.toString()));
  } catch (error) {
    throw new PeerweaveError('protocol-violation', 'The peer did not say hello in the expected form.', {
      cause: error,
    });
  }
}

/** Throws `PeerweaveError` with reason `protocol-incompatible`, naming both versions. */
export function requireCompatible(ours: LinkHello, theirs: LinkHello): void {
  if (ours.protocol === theirs.protocol) return;
  const [side, older] = ours.protocol < theirs.protocol ? ['here', ours] : ['on the other side', theirs];
  throw new PeerweaveError(
    'protocol-incompatible',
    `This side speaks link protocol ${ours.protocol} (${ours.software}), the other ${theirs.protocol} (${peerText(theirs.software)}). ` +
      `Update Peerweave ${side} from protocol ${older.protocol}.`,
  );
}
