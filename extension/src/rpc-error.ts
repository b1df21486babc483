import { ErrorCodes, LSPErrorCodes, ResponseError } from 'vscode-languageclient/node';
import * as z from 'zod';
import { reason } from './rpc/model.ts';
import { messageOf, PeerweaveError } from './shared/errors.ts';

const errorData = z.object({ reason });

/** Codes of the connection itself, when the process at its other end is gone. */
const GONE: readonly number[] = [
  ErrorCodes.PendingResponseRejected,
  ErrorCodes.ConnectionInactive,
  ErrorCodes.MessageWriteError,
  ErrorCodes.MessageReadError,
];

/** The engine's errors carry their `reason` as data; the others are the connection's own. */
export function fromRpcError(error: unknown): PeerweaveError {
  if (error instanceof PeerweaveError) return error;
  if (!(error instanceof ResponseError)) return new PeerweaveError('internal', messageOf(error), { cause: error });
  const data = errorData.safeParse(error.data);
  if (data.success) return new PeerweaveError(data.data.reason, error.message, { cause: error });
  if (error.code === LSPErrorCodes.RequestCancelled)
    return new PeerweaveError('cancelled', 'Cancelled.', { cause: error });
  const message = GONE.includes(error.code) ? 'The peer engine ended while it was at work. Try again.' : error.message;
  return new PeerweaveError('internal', message, { cause: error });
}
