import type { ServerReason } from '../extension/src/p2p/signaling/wire/messages.ts';

/** Thrown where a client's message cannot be done: becomes an `error` message, and with `fatal` the end of its connection. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: ServerReason;
  readonly fatal: boolean;
  readonly about: { readonly request?: number; readonly session?: string };

  constructor(
    reason: ServerReason,
    message: string,
    { fatal = false, ...about }: { fatal?: boolean; request?: number; session?: string } = {},
  ) {
    super(message);
    this.reason = reason;
    this.fatal = fatal;
    this.about = about;
  }
}
