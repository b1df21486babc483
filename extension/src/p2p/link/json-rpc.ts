import * as z from 'zod';
import { PeerweaveError, REASONS, type Reason } from '../../shared/errors.ts';
import { peerText } from '../../shared/peer-text.ts';

/** JSON-RPC 2.0 messages (jsonrpc.org/specification), one a frame; no batches. Errors carry our reason in `data`. */
const message = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.int().min(0).optional(),
  method: z.string().max(64).optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string(), data: z.object({ reason: z.string() }).optional() }).optional(),
});

export type Incoming =
  | { readonly kind: 'request'; readonly id: number; readonly method: string; readonly params: unknown }
  | { readonly kind: 'notification'; readonly method: string; readonly params: unknown }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: PeerweaveError };

/** The server-error range of the specification; what it means is in `data.reason`. */
const ERROR_CODE = -32_000;

/** Throws `PeerweaveError` with reason `protocol-violation` for anything that is no JSON-RPC message. */
export function decodeMessage(frame: Buffer): Incoming {
  const { id, method, params, result, error } = parse(frame);
  if (method !== undefined) {
    return id === undefined ? { kind: 'notification', method, params } : { kind: 'request', id, method, params };
  }
  if (id === undefined) throw violation('The peer sent a message that is neither a request nor an answer.');
  if (!error) return { kind: 'result', id, result };
  return { kind: 'error', id, error: new PeerweaveError(reasonOf(error.data?.reason), peerText(error.message)) };
}

export const encodeRequest = (id: number, method: string, params: unknown): Buffer => encode({ id, method, params });
export const encodeNotification = (method: string, params: unknown): Buffer => encode({ method, params });
export const encodeResult = (id: number, result: unknown): Buffer => encode({ id, result });
export const encodeError = (id: number, { reason, message }: PeerweaveError): Buffer =>
  encode({ id, error: { code: ERROR_CODE, message, data: { reason } } });

/** `text` when it is one of our reasons. A newer peer may know more than we do. */
export const reasonOf = (text: string | undefined): Reason => REASONS.find((reason) => reason === text) ?? 'internal';

export const violation = (text: string, cause?: unknown): PeerweaveError =>
  new PeerweaveError('protocol-violation', text, { cause });

function parse(frame: Buffer): z.infer<typeof message> {
  try {
    return message.parse(JSON.parse(frame.toString()));
  } catch (error) {
    throw violation('The peer sent a message that is no JSON-RPC.', error);
  }
}

const encode = (fields: object): Buffer => Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...fields }));
