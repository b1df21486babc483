import type { LogOutputChannel } from 'vscode';
import { CrashPolicy } from './crash-policy.ts';
import type { EngineConnection } from './engine-connection.ts';
import type { EngineEvent, RequestMethod, RequestParams, RequestResult } from './rpc/contract.ts';
import type { EngineState } from './rpc/model.ts';
import { DisposableStore, type Disposable } from './shared/disposable.ts';
import { messageOf, PeerweaveError } from './shared/errors.ts';
import { Emitter } from './shared/events.ts';
import type { EngineStatus } from './views/view-state.ts';

/** Sends one checked request. Throws `PeerweaveError` with the engine's reason. */
export type Request = <M extends RequestMethod>(method: M, params: RequestParams<M>) => Promise<RequestResult<M>>;

export interface EngineClientOptions {
  /** The engine's bundle. */
  readonly module: string;
  readonly log: LogOutputChannel;
  /** Runs after every start, before any other request goes out: tells the engine who it is. */
  readonly prepare: (request: Request) => Promise<void>;
}

/**
 * The peer engine as the editor sees it: a child process that starts with the first request (ED1), is restarted with a pause
 * when it crashes and given up when it keeps crashing (ED6).
 */
export class EngineClient implements Disposable {
  private readonly options: EngineClientOptions;
  private readonly disposables = new DisposableStore();
  private readonly statusChanged = this.disposables.add(new Emitter<EngineStatus>());
  private readonly stateChanged = this.disposables.add(new Emitter<EngineState>());
  private readonly happened = this.disposables.add(new Emitter<EngineEvent>());
  private readonly restarted = this.disposables.add(new Emitter<void>());
  private readonly crashes = new CrashPolicy();
  private running: Promise<EngineConnection> | undefined;
  private pause: NodeJS.Timeout | undefined;
  private current: EngineStatus = 'stopped';

  readonly onDidChangeStatus = this.statusChanged.event;
  readonly onDidChangeState = this.stateChanged.event;
  readonly onEvent = this.happened.event;
  /** A new engine is ready in place of one that ended: it knows nothing of the sessions yet. */
  readonly onDidRestart = this.restarted.event;

  constructor(options: EngineClientOptions) {
    this.options = options;
  }

  get status(): EngineStatus {
    return this.current;
  }

  /** Asks the engine, starting it first when need be. */
  readonly request: Request = async (method, params) => (await this.ensureRunning()).request(method, params);

  /** Ends the engine and starts it anew, with a clean record of crashes. */
  async restart(): Promise<void> {
    await this.stop();
    this.crashes.forgive();
    await this.ensureRunning();
    this.restarted.fire();
  }

  /** Ends the engine; sessions stay resumable. The next request starts it again. */
  async stop(): Promise<void> {
    clearTimeout(this.pause);
    const running = this.running;
    this.running = undefined;
    this.setStatus('stopped');
    const connection = await running?.catch(() => undefined);
    await connection
      ?.close()
      .catch((error: unknown) => this.options.log.warn(`The engine did not stop in time: ${messageOf(error)}`));
  }

  dispose(): void {
    void this.stop();
    this.disposables.dispose();
  }

  private ensureRunning(): Promise<EngineConnection> {
    if (this.current === 'failed') return Promise.reject(new PeerweaveError('internal', GAVE_UP));
    if (this.running === undefined) {
      const starting = this.start();
      this.running = starting;
      starting.then(
        () => this.running === starting && this.setStatus('running'),
        (error: unknown) => this.startFailed(starting, error),
      );
    }
    return this.running;
  }

  private async start(): Promise<EngineConnection> {
    if (this.current !== 'restarting') this.setStatus('starting');
    const { EngineConnection } = await import('./deferred.ts');
    const connection = await EngineConnection.open(this.options.module, this.options.log, {
      onState: (state) => this.stateChanged.fire(state),
      onEvent: (event) => this.happened.fire(event),
      onClosed: () => this.crashed(),
    });
    try {
      await this.options.prepare((method, params) => connection.request(method, params));
    } catch (error) {
      await connection.close().catch(() => undefined);
      throw error;
    }
    return connection;
  }

  /** A process that ends while it starts is a crash and has been counted as one; anything else ends the attempt. */
  private startFailed(attempt: Promise<EngineConnection>, error: unknown): void {
    this.options.log.error(`The engine did not start: ${messageOf(error)}`);
    if (this.running !== attempt) return;
    this.running = undefined;
    this.setStatus('stopped');
  }

  private crashed(): void {
    this.running = undefined;
    const next = this.crashes.crashed(Date.now());
    if (next === 'give-up') {
      this.options.log.error('The engine crashed too often and stays stopped until it is asked for.');
      this.setStatus('failed');
      return;
    }
    this.options.log.warn(`The engine ended unexpectedly. Starting it again in ${next} ms.`);
    this.setStatus('restarting');
    this.pause = setTimeout(() => {
      // A failed start has been logged and, if it was a crash, counted.
      this.ensureRunning().then(
        () => this.restarted.fire(),
        () => undefined,
      );
    }, next);
  }

  private setStatus(status: EngineStatus): void {
    if (this.current === status) return;
    this.current = status;
    this.statusChanged.fire(status);
  }
}

const GAVE_UP = 'The peer engine kept crashing and was stopped. Run "Peerweave: Restart Engine" to try again.';
