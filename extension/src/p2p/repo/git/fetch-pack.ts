import type { Duplex } from 'node:stream';
import { PeerweaveError } from '../../../shared/errors.ts';
import { throwIfCancelled, type Git } from './git.ts';
import { startUnpacking, takeInPack, type Intake, type IntakeOptions } from './pack-intake.ts';
import { PktLineError } from './pkt-line.ts';
import { untilSilent } from './until-silent.ts';
import { UploadPackClient, type Advertisement, type FetchPlan } from './upload-pack-client.ts';

export interface FetchPackOptions extends IntakeOptions {
  readonly git: Git;
  readonly connect: (signal: AbortSignal) => Promise<Duplex>;
  /** Decides what to ask for once the peer's refs are known; undefined when nothing of use is offered. */
  readonly plan: (offer: Advertisement) => Promise<FetchPlan | undefined>;
  /** Called when the peer has been asked: what is to be started can be started beside the peer's work. */
  readonly beside?: () => void;
  /** Reads the pack only after this resolves; the peer's git prepares it meanwhile. A `HeldTooLong` that it rejects with is thrown. */
  readonly hold?: Promise<void>;
}

/** What a peer has prepared was left unread for so long that its git may have given up (`IDLE_TIMEOUT_S` in `serve.ts`). */
export class HeldTooLong extends Error {
  override readonly name = 'HeldTooLong';
}

/**
 * One fetch from a peer's `git upload-pack` into staging. Resolves to undefined when the plan wanted nothing. Throws what
 * `takeInPack` throws, `link-lost` when the stream broke, fell silent or carried something else than protocol v0, `cancelled`.
 */
export async function fetchPack(options: FetchPackOptions): Promise<Intake | undefined> {
  const { signal } = options;
  const stream = await open(options);
  const abort = (): void => void stream.destroy();
  signal.addEventListener('abort', abort, { once: true });
  stream.on('error', () => undefined);
  let parted = false;
  try {
    const client = new UploadPackClient(untilSilent(stream, options.limits.maxSilenceMs), stream);
    const offer = await client.advertisement();
    const plan = await options.plan(offer);
    if (plan === undefined) {
      client.finish();
      parted = true;
      part(stream, client);
      return undefined;
    }
    const { pack, shallow } = await client.fetch(offer, plan, (text) => options.progress.read(text));
    await options.hold;
    await options.staging.writeShallow(shallow);
    const ready = plan.update === true ? startUnpacking(options.git, options) : undefined;
    options.beside?.();
    const intake = await takeInPack(options.git, pack, options, ready);
    stream.end();
    parted = true;
    part(stream, client);
    return intake;
  } catch (error) {
    throwIfCancelled(signal);
    if (error instanceof PeerweaveError || error instanceof HeldTooLong) throw error;
    const what = error instanceof PktLineError ? error.message : 'the connection broke';
    throw new PeerweaveError('link-lost', `Fetching from the peer failed: ${what}. It is tried again.`, {
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', abort);
    if (!parted) stream.destroy();
  }
}

/** Milliseconds that a peer gets to close its side once we have everything. */
const PARTING_MS = 10_000;

/** Lets the peer's git end by itself, so that serving us does not look like a failure over there. Nobody waits for it. */
function part(stream: Duplex, client: UploadPackClient): void {
  const timer = setTimeout(() => stream.destroy(), PARTING_MS).unref();
  void client
    .ended()
    .catch(() => undefined)
    .finally(() => {
      clearTimeout(timer);
      stream.destroy();
    });
}

async function open({ connect, signal, limits }: FetchPackOptions): Promise<Duplex> {
  throwIfCancelled(signal);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), limits.maxSilenceMs);
  try {
    return await connect(AbortSignal.any([signal, late.signal]));
  } catch (error) {
    throwIfCancelled(signal);
    if (error instanceof PeerweaveError && !late.signal.aborted) throw error;
    throw new PeerweaveError('link-lost', 'The peer could not be asked for its objects.', { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
