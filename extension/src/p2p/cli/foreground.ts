import { asPeerweaveError } from '../../shared/errors.ts';
import { createLogger } from '../../shared/log.ts';
import { createEngine, type Engine } from '../engine.ts';
import type { Session } from '../session/session.ts';
import { eventPrinter, plain } from './output.ts';

/** Exit status of a shell command that a signal ended (128 + SIGINT). */
const INTERRUPTED = 130;

/**
 * Runs a session in the foreground: prints what happens until a signal or `peerweave leave`, then leaves and returns. A signal
 * that comes while `begin` is under way gives it up through the abort signal, and is no failure either; a second one ends the
 * process at once.
 */
export async function runInForeground(
  json: boolean,
  begin: (engine: Engine, signal: AbortSignal) => Promise<Session>,
): Promise<void> {
  const interrupted = new AbortController();
  const left = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(INTERRUPTED);
      interrupted.abort();
    });
  }
  // Whoever read our output has gone, as `head` does; the session has not.
  process.stdout.on('error', () => undefined);
  const log = createLogger(({ level, scope, text }) => {
    if (process.env.PEERWEAVE_LOG !== undefined || (level === 'error' && !json)) {
      process.stderr.write(`${level} [${scope}] ${plain(text)}\n`);
    }
  });
  process.on('unhandledRejection', (error) => log.error(`Unhandled rejection: ${asPeerweaveError(error).stack ?? ''}`));
  const engine = createEngine(log, () => left.abort());
  engine.manager.onEvent(eventPrinter(json, (line) => process.stdout.write(`${line}\n`)));
  try {
    const session = await begin(engine, interrupted.signal);
    await untilAborted(AbortSignal.any([interrupted.signal, left.signal]));
    if (!left.signal.aborted) await engine.manager.leave(session.repository.info.root);
  } catch (error) {
    // Only a person cancels: by a signal, or by `peerweave leave`.
    if (!interrupted.signal.aborted && asPeerweaveError(error).reason !== 'cancelled') throw error;
  }
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    // A pending promise alone does not keep the process alive; the session's sockets do, and this where there are none.
    const alive = setInterval(() => undefined, 60_000);
    signal.addEventListener('abort', () => {
      clearInterval(alive);
      resolve();
    });
  });
