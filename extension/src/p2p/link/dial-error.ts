import { asPeerweaveError, messageOf, PeerweaveError, type Reason } from '../../shared/errors.ts';
import type { TransportAddress } from '../transport/transport.ts';

/** The failures that say most, first. */
const TELLING: readonly Reason[] = ['host-key-mismatch', 'protocol-incompatible', 'authentication-failed'];

/** What to tell a person whose attempts to reach a peer, one for each address, have all failed. */
export function dialError(
  error: unknown,
  addresses: readonly TransportAddress[],
  signal: AbortSignal | undefined,
): PeerweaveError {
  if (signal?.aborted) return new PeerweaveError('cancelled', 'Connecting was cancelled.', { cause: error });
  const errors = (error instanceof AggregateError ? (error.errors as unknown[]) : [error]).map((each) =>
    asPeerweaveError(each),
  );
  for (const reason of TELLING) {
    const telling = errors.find((each) => each.reason === reason);
    if (telling) return telling;
  }
  const tried = addresses.map(({ value }) => value).join(', ') || 'no address';
  return new PeerweaveError(
    'unreachable',
    `The peer cannot be reached (${tried}). ${errors.map(messageOf).join(' ')}`.trim(),
    {
      cause: error,
    },
  );
}
