import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Socket } from 'node:net';
import { disposable, type Disposable } from '../../../shared/disposable.ts';

/** As many as a commit from a peer takes, and two more. A waiting shell has 0.3 MB to itself and uses no processor. */
const MAX_SPARE = 8;
/** Milliseconds without a start after which new ones are forked, one at a time: not while somebody waits for what is being done. */
const QUIET_MS = 50;
const BETWEEN_MS = 10;

/** The exit status of a shell that has not found its command (POSIX, 2.8.2). */
export const NOT_FOUND = 127;

/**
 * Shells that wait for a line on their standard input and become the command in it (`exec`): the process id, the pipes and the exit status
 * are the shell's, so whoever has one cannot tell it from a process that was started directly.
 *
 * Node starts a process by `fork`, which copies the page tables of the whole engine, and the engine stands still meanwhile: 3 ms with 80 MB in
 * use, 5 with 200, while git is up 1 ms later. A spare is forked when nothing is going on; what is left to do is the `exec`. A shell knows
 * nothing of any repository, so it may wait as long as it likes. Linux only: elsewhere Node starts processes by calls that copy nothing.
 */
export class SpareShells {
  private readonly env: () => NodeJS.ProcessEnv;
  private waiting: ChildProcessWithoutNullStreams[] = [];
  private users = 0;
  private timer: NodeJS.Timeout | undefined;

  /** `env` gives the variables that every command gets. */
  constructor(env: () => NodeJS.ProcessEnv) {
    this.env = env;
  }

  /** Has some waiting until what this returns is disposed. */
  keep(): Disposable {
    if (process.platform !== 'linux') return disposable(() => undefined);
    this.users += 1;
    this.refill(QUIET_MS);
    return disposable(() => {
      this.users -= 1;
      if (this.users === 0) this.endAll();
    });
  }

  /**
   * A process that is about to become the command, in the folder `cwd` and with these variables besides; undefined when none waits, or
   * the command does not go in a line.
   */
  take(
    words: readonly string[],
    options: { readonly cwd?: string | undefined; readonly env: Readonly<Record<string, string>> },
  ): ChildProcessWithoutNullStreams | undefined {
    if (this.users === 0) return undefined;
    this.refill(QUIET_MS);
    const line = commandLine(words, options);
    if (/[\n\0]/.test(line)) return undefined;
    const child = this.waiting.find(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    if (child === undefined) return undefined;
    this.forget(child);
    child.ref();
    for (const pipe of pipesOf(child)) pipe.ref();
    child.stdin.write(`${line}\n`);
    return child;
  }

  private refill(inMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.waiting.length >= MAX_SPARE) return;
      this.fork();
      this.refill(BETWEEN_MS);
    }, inMs);
    this.timer.unref();
  }

  private fork(): void {
    // `read` takes one byte at a time, so what follows the line is the command's to read.
    const child = spawn('/bin/sh', ['-c', 'IFS= read -r line && eval "$line"'], { env: this.env() });
    child.once('error', () => this.forget(child));
    child.once('exit', () => this.forget(child));
    child.stdin.on('error', () => undefined);
    child.unref();
    for (const pipe of pipesOf(child)) pipe.unref();
    this.waiting.push(child);
  }

  private forget(child: ChildProcessWithoutNullStreams): void {
    this.waiting = this.waiting.filter((other) => other !== child);
  }

  /** At the end of their input they end. */
  private endAll(): void {
    clearTimeout(this.timer);
    for (const child of this.waiting) child.stdin.end();
    this.waiting = [];
  }
}

/** The pipes of a child are sockets, though Node's types do not say so. */
const pipesOf = ({ stdin, stdout, stderr }: ChildProcessWithoutNullStreams): Socket[] =>
  [stdin, stdout, stderr] as unknown[] as Socket[];

function commandLine(words: readonly string[], { cwd, env }: Parameters<SpareShells['take']>[1]): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${quoted(value)}`);
  return [
    ...(cwd === undefined ? [] : [`cd ${quoted(cwd)} &&`]),
    ...(variables.length === 0 ? [] : [`export ${variables.join(' ')} &&`]),
    `exec ${words.map(quoted).join(' ')}`,
  ].join(' ');
}

/** Nothing has a meaning between single quotes but the quote that ends them. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
