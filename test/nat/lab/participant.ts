import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Disposable } from '../../../extension/src/shared/disposable.ts';
import { peerView, type PeerView } from '../../../extension/src/rpc/model.ts';
import { EngineProcess, runCli } from '../../support/engine-process.ts';
import type { Home } from './home.ts';

export interface ParticipantOptions {
  readonly name: string;
  /** Of this person alone; goes with it. */
  readonly folder: string;
  readonly home: Home;
  readonly signal: string;
  /** File of the certificate authority to trust. */
  readonly authority: string;
}

/** A person at home: the bundled command, in the home's own machine. */
export class Participant implements Disposable {
  readonly home: Home;
  readonly repo: string;
  private readonly options: ParticipantOptions;
  private running: EngineProcess | undefined;

  constructor(options: ParticipantOptions) {
    this.options = options;
    this.home = options.home;
    this.repo = join(options.folder, 'project');
  }

  /** The command that runs a session. */
  get engine(): EngineProcess {
    if (this.running === undefined) throw new Error(`Nothing runs at ${this.options.name}'s.`);
    return this.running;
  }

  /** Begins to share the repository that is there; resolves to the invite. */
  async share(...flags: string[]): Promise<string> {
    const { name, signal } = this.options;
    const args = ['share', '--repo', this.repo, '--name', name, '--approve', 'auto', '--signal', signal, '--json'];
    this.running = this.run([...args, ...flags]);
    return this.running.invite();
  }

  /** Begins to join; what comes of it is told by the engine's events. */
  join(invite: string, ...flags: string[]): EngineProcess {
    this.running = this.run(['join', this.repo, '--name', this.options.name, '--json', ...flags], invite);
    return this.running;
  }

  /** `peerweave peers --json`. */
  async peers(): Promise<PeerView[]> {
    const { code, lines, stderr } = await runCli(['peers', '--repo', this.repo, '--json'], { home: this.stateFolder });
    if (code !== 0) throw new Error(`peerweave peers: ${stderr}`);
    return lines.map((line) => peerView.parse(line));
  }

  /** Leaves in order. */
  async leave(): Promise<void> {
    await this.running?.stop();
  }

  dispose(): void {
    this.running?.child.kill('SIGKILL');
    this.home.dispose();
    rmSync(this.options.folder, { recursive: true, force: true });
  }

  private get stateFolder(): string {
    return join(this.options.folder, 'home');
  }

  private run(args: readonly string[], input?: string): EngineProcess {
    return new EngineProcess(args, {
      home: this.stateFolder,
      via: this.home.peer.via,
      env: { NODE_EXTRA_CA_CERTS: this.options.authority },
      ...(input === undefined ? {} : { input }),
    });
  }
}
