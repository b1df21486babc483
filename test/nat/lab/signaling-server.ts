import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Disposable } from '../../../extension/src/shared/disposable.ts';
import type { Host } from './lab.ts';

const CLI = resolve(import.meta.dirname, '../../../dist/cli.mjs');
const PORT = 443;

/** What clients are given to find their way with. */
export interface IceOptions {
  readonly stun: string;
  readonly turn: readonly string[];
  readonly turnSecret: string;
}

/** `peerweave serve` on a host of its own, at a port that every firewall passes. */
export class SignalingServer implements Disposable {
  readonly url: string;
  private readonly host: Host;
  private readonly ice: IceOptions;
  private child: ChildProcess | undefined;

  private constructor(host: Host, name: string, ice: IceOptions) {
    this.url = `ws://${name}:${PORT}`;
    this.host = host;
    this.ice = ice;
  }

  static async start(host: Host, name: string, ice: IceOptions): Promise<SignalingServer> {
    const server = new SignalingServer(host, name, ice);
    await server.begin();
    return server;
  }

  /** As an operator does it: stops in order, then starts anew with nothing remembered. */
  async restart(): Promise<void> {
    await this.stop();
    await this.begin();
  }

  /** Asks it to stop, and resolves to its exit status. */
  async stop(): Promise<number | null> {
    const child = this.child;
    if (child === undefined) return null;
    this.child = undefined;
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill('SIGTERM');
    return (await exited)[0];
  }

  dispose(): void {
    this.child?.kill('SIGKILL');
  }

  private async begin(): Promise<void> {
    const { stun, turn, turnSecret } = this.ice;
    const [command, ...args] = this.host.namespace.via;
    const flags = ['--host', '::', '--port', String(PORT), '--no-metrics', '--stun', stun, '--turn', ...turn, '--json'];
    const child = spawn(command, [...args, process.execPath, CLI, 'serve', ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PEERWEAVE_SERVER_TURN_SECRET: turnSecret },
    });
    this.child = child;
    const output = createInterface({ input: child.stdout });
    const line = await Promise.race([once(output, 'line'), once(output, 'close')]);
    if (!String(line[0]).includes('"listening"')) throw new Error(`The signaling server said: ${String(line[0])}`);
  }
}
