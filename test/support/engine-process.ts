import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { EngineEvent } from '../../extension/src/rpc/contract.ts';

const root = resolve(import.meta.dirname, '../..');
const CLI = resolve(root, 'dist/cli.mjs');

/** An event with the moment it was read, in milliseconds of `performance.now()`. */
export type TimedEvent = EngineEvent & { readonly at: number };

export interface EngineProcessOptions {
  /** PEERWEAVE_HOME of this person. */
  readonly home: string;
  /** Given on standard input: the invite. */
  readonly input?: string;
  readonly env?: Record<string, string>;
  /** A command that runs it, such as one that enters a namespace; it becomes the engine's process. */
  readonly via?: readonly string[];
}

/** The bundled `peerweave` command in a process of its own, read through its `--json` events. */
export class EngineProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly events: TimedEvent[] = [];
  /** Every line of `--json` output, decoded; of commands that print no events too. */
  readonly lines: unknown[] = [];
  /** Output for people, when `--json` was not asked for. */
  stdout = '';
  stderr = '';
  private readonly waiters = new Set<(event: TimedEvent | undefined) => void>();
  private closed = false;

  constructor(args: readonly string[], options: EngineProcessOptions) {
    const [command = process.execPath, ...more] = [...(options.via ?? []), process.execPath, CLI, ...args];
    this.child = spawn(command, more, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PEERWEAVE_HOME: options.home, ...options.env },
    });
    this.child.stdin.on('error', () => undefined);
    this.child.stdin.end(options.input === undefined ? undefined : `${options.input}\n`);
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    createInterface({ input: this.child.stdout })
      .on('line', (line) => {
        if (line.startsWith('{')) this.push(JSON.parse(line) as EngineEvent);
        else this.stdout += `${line}\n`;
      })
      .on('close', () => this.end());
  }

  /**
   * The first event at or after `from` that matches. Rejects when the process ends first, or after `timeoutMs`, with what was
   * heard until then.
   */
  async event<T extends TimedEvent>(
    matches: (event: TimedEvent) => event is T,
    options?: { from?: number; timeoutMs?: number },
  ): Promise<T>;
  async event(
    matches: (event: TimedEvent) => boolean,
    options?: { from?: number; timeoutMs?: number },
  ): Promise<TimedEvent>;
  async event(matches: (event: TimedEvent) => boolean, { from = 0, timeoutMs = 60_000 } = {}): Promise<TimedEvent> {
    const heard = this.events.slice(from).find(matches);
    if (heard !== undefined) return heard;
    return new Promise((resolve, reject) => {
      const settle = (event: TimedEvent | undefined, why?: string): void => {
        if (event !== undefined && !matches(event)) return;
        clearTimeout(timer);
        this.waiters.delete(settle);
        if (event !== undefined) resolve(event);
        else reject(new Error(`${why ?? 'the process ended'}; heard ${this.transcript()}; stderr: ${this.stderr}`));
      };
      const timer = setTimeout(() => settle(undefined, `nothing matched in ${timeoutMs} ms`), timeoutMs);
      if (this.closed) settle(undefined);
      else this.waiters.add(settle);
    });
  }

  /** The next time `ref` of the local repository is at `to` by a sync. */
  ref(ref: string, to: string, options?: { from?: number; timeoutMs?: number }): Promise<TimedEvent> {
    return this.event((event) => event.event === 'ref' && event.ref === ref && event.to === to, options);
  }

  /** The first time that everything of a peer, or of anybody, has arrived. */
  synced(peer?: string): Promise<TimedEvent> {
    return this.event((event) => event.event === 'synced' && (peer === undefined || event.peer === peer));
  }

  async invite(): Promise<string> {
    const event = await this.event((e) => e.event === 'session' && e.invite !== undefined);
    return event.event === 'session' ? (event.invite ?? '') : '';
  }

  /** Asks it to leave, and resolves to its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit') as Promise<[number | null]>;
    this.child.kill(signal);
    return (await exited)[0];
  }

  /** Resolves when it ends by itself. */
  async exit(): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    return ((await once(this.child, 'exit')) as [number | null])[0];
  }

  private push(decoded: EngineEvent): void {
    const event = { ...decoded, at: performance.now() };
    this.lines.push(decoded);
    this.events.push(event);
    for (const waiter of [...this.waiters]) waiter(event);
  }

  private end(): void {
    this.closed = true;
    for (const waiter of [...this.waiters]) waiter(undefined);
  }

  private transcript(): string {
    return this.events.map((event) => JSON.stringify(event)).join('\n');
  }
}

/** Runs a command of the CLI to its end. */
export async function runCli(
  args: readonly string[],
  options: EngineProcessOptions,
): Promise<{ code: number | null; lines: unknown[]; stdout: string; stderr: string }> {
  const engine = new EngineProcess(args, options);
  const code = await engine.exit();
  return { code, lines: engine.lines, stdout: engine.stdout, stderr: engine.stderr };
}
