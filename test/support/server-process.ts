import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const dist = resolve(import.meta.dirname, '../../dist');

/** The bundled server in a process of its own, read through its `--json` events. */
export class SignalingServerProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  stderr = '';
  private readonly lines: AsyncIterator<string>;

  /** `first` is what comes before the options: `server.mjs`, or `cli.mjs serve`. */
  constructor(args: readonly string[], first: readonly string[] = ['server.mjs'], env: Record<string, string> = {}) {
    const [bundle = '', ...rest] = first;
    this.child = spawn(process.execPath, [resolve(dist, bundle), ...rest, '--port', '0', '--json', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** What it says next. Rejects when it has ended. */
  async event(): Promise<Readonly<Record<string, string>>> {
    const line = await this.lines.next();
    if (line.done === true) throw new Error(`it ended: ${this.stderr}`);
    return JSON.parse(line.value) as Record<string, string>;
  }

  /** Where it listens, once it does. */
  async listening(): Promise<{ readonly url: string; readonly metrics: string }> {
    const { event, url = '', metrics = '' } = await this.event();
    if (event !== 'listening') throw new Error(`it said ${String(event)} first`);
    return { url, metrics };
  }

  /** Its exit code, when it has ended. */
  async exit(): Promise<number | null> {
    const { exitCode, signalCode } = this.child;
    if (exitCode !== null || signalCode !== null) return exitCode;
    return ((await once(this.child, 'exit')) as [number | null])[0];
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit();
  }
}
