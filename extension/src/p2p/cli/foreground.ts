import { createInterface } from 'node:readline';
import { createLogger } from '../../shared/log.ts';
import { createEngine, type Engine } from '../engine.ts';
import type { Session } from '../session/session.ts';
import { eventPrinter, plain } from './output.ts';

/**
 * Runs a session in the foreground: prints what happens until a signal or `peerweave leave`, then leaves and returns. A signal
 * that comes while `begin` is under way gives it up through the abort signal, and is no failure either.
 */
export async function runInForeground(
  json: boolean,
  begin: (engine: Engine, signal: AbortSignal) => Promise<Session>,
): Promise<void> {
  const interrupted = new AbortController();
  const left = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());
  const log = createLogger(({ level, scope, text }) => {
    if (process.env.PEERWEAVE_LOG !== undefined || (level === 'error' && !json)) {
      process.stderr.write(`${level} [${scope}] ${plain(text)}\n`);
    }
  });
  const engine = createEngine(log, () => left.abort());
  engine.manager.onEvent(eventPrinter(json, (line) => process.stdout.write(`${line}\n`)));
  try {
    const session = await begin(engine, interrupted.signal);
    await untilAborted(AbortSignal.any([interrupted.signal, left.signal]));
    if (!left.signal.aborted) await engine.manager.leave(session.repository.info.root);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
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

/** Asks on the terminal about each guest that waits (SE4). Without a terminal, `peerweave approve` answers. */
export function askOnTerminal(session: Session): void {
  if (!process.stdin.isTTY) return;
  const asked = new Set<string>();
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Readline takes Ctrl+C for itself.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  session.onChange(() => {
    for (const { id, name, fingerprint, remote } of session.view().approvals) {
      if (asked.has(id)) continue;
      asked.add(id);
      const question = `${plain(name)} (${fingerprint}, from ${remote}) wants to join. [a]llow, allow and [r]emember, re[f]use? `;
      terminal.question(question, (reply) => {
        const decision = { a: 'allow', r: 'remember' }[reply.trim().toLowerCase()[0] ?? ''] ?? 'refuse';
        try {
          session.decide(id, decision as 'allow' | 'remember' | 'refuse');
        } catch (error) {
          process.stderr.write(`${(error as Error).message}\n`);
        }
      });
    }
  });
}
