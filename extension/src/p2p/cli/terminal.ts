import { createInterface } from 'node:readline/promises';
import { promptForApprovals, type Approvals } from './approval-prompt.ts';

/** Asks on the terminal about each guest that waits (SE4). Without a terminal, `peerweave approve` answers. */
export function askOnTerminal(session: Approvals): void {
  if (!process.stdin.isTTY) return;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Readline takes Ctrl+C for itself.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const closed = new AbortController();
  terminal.on('close', () => closed.abort());
  promptForApprovals(
    session,
    (question, signal) => terminal.question(question, { signal: AbortSignal.any([signal, closed.signal]) }),
    (line) => process.stderr.write(`\n${line}\n`),
  );
}
