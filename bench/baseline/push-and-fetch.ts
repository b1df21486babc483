import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { STOCK_ENV } from './stock-git.ts';

const SCRIPT = `while read -r go; do
  git -C "$1" push --quiet origin main && git -C "$2" fetch --quiet origin && git -C "$2" merge --quiet --ff-only origin/main || exit 1
  echo "$go"
done`;

/**
 * What a script does without Peerweave: push to a bare repository, fetch from it, fast-forward. The shell is started beforehand
 * and waits for a line, so that its start does not count against it.
 */
export class PushAndFetch {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly answers: AsyncIterator<string>;

  constructor(from: string, to: string) {
    this.child = spawn('sh', ['-c', SCRIPT, 'sh', from, to], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...STOCK_ENV },
    });
    this.answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** One round, to its end. Throws when git failed. */
  async run(): Promise<void> {
    this.child.stdin.write('go\n');
    const { done } = await this.answers.next();
    if (done === true) throw new Error('the push-and-fetch script failed');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.stdin.end();
    await exit;
  }
}
