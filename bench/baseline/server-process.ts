import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { untilListening } from './free-port.ts';

/** A server of the benchmark's own on a port of 127.0.0.1; stopped by its process, never by its name. */
export class ServerProcess {
  readonly pid: number;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, pid: number) {
    this.child = child;
    this.pid = pid;
  }

  /** Starts it and waits until it listens. Throws with what it wrote when it ends before. */
  static async start(command: string, args: readonly string[], port: number): Promise<ServerProcess> {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const died = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${command} ended with ${code ?? 'a signal'}: ${stderr}`)));
    });
    died.catch(() => undefined);
    await Promise.race([untilListening(port), died]);
    return new ServerProcess(child, child.pid!);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exit;
  }
}
