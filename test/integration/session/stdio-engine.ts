import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import {
  events,
  notifications,
  requests,
  type EngineEvent,
  type RequestMethod,
  type RequestParams,
  type RequestResult,
} from '../../../extension/src/rpc/contract.ts';

export const ENGINE = resolve(import.meta.dirname, '../../../dist/engine.cjs');

/** The bundled engine over stdio, as an editor runs it. */
export class StdioEngine {
  readonly child: ChildProcessWithoutNullStreams;
  readonly connection: MessageConnection;
  readonly events: EngineEvent[] = [];
  /** Everything it wrote to stdout, byte for byte. */
  readonly output: Buffer[] = [];
  stderr = '';
  private readonly waiters = new Set<(event: EngineEvent) => void>();

  constructor(home: string) {
    this.child = spawn(process.execPath, [ENGINE], { env: { ...process.env, PEERWEAVE_HOME: home } });
    this.child.stdout.on('data', (chunk: Buffer) => this.output.push(chunk));
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.connection = createMessageConnection(
      new StreamMessageReader(this.child.stdout),
      new StreamMessageWriter(this.child.stdin),
    );
    this.connection.onError(() => undefined);
    this.connection.onNotification('peerweave/event', (params) => {
      const event = events.parse(params);
      this.events.push(event);
      for (const waiter of [...this.waiters]) waiter(event);
    });
    this.connection.onNotification('peerweave/stateChanged', (params) => {
      notifications['peerweave/stateChanged'].parse(params);
    });
    this.connection.onRequest('window/workDoneProgress/create', () => null);
    this.connection.listen();
  }

  /** As a client that shows progress; `processId` is what the engine watches. */
  async initialize(processId: number | null = process.pid, more: object = {}): Promise<void> {
    const capabilities = { window: { workDoneProgress: true }, ...more };
    await this.connection.sendRequest('initialize', { processId, rootUri: null, capabilities });
    await this.connection.sendNotification('initialized', {});
  }

  /** Asks, and checks the answer against the contract. */
  async ask<M extends RequestMethod>(method: M, params: RequestParams<M>): Promise<RequestResult<M>> {
    return requests[method].result.parse(await this.connection.sendRequest(method, params)) as RequestResult<M>;
  }

  event(matches: (event: EngineEvent) => boolean): Promise<EngineEvent> {
    const heard = this.events.find(matches);
    if (heard !== undefined) return Promise.resolve(heard);
    return new Promise((resolve) => {
      const waiter = (event: EngineEvent): void => {
        if (!matches(event)) return;
        this.waiters.delete(waiter);
        resolve(event);
      };
      this.waiters.add(waiter);
    });
  }

  /** Ends as an editor ends it; resolves to the exit code. */
  async shutDown(): Promise<number | null> {
    const exited = this.exited();
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    return exited;
  }

  async exited(): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    return ((await once(this.child, 'exit')) as [number | null])[0];
  }

  kill(): void {
    this.connection.dispose();
    this.child.kill('SIGKILL');
  }
}

/** The bodies of LSP frames; throws at the first byte that belongs to none. */
export function lspFrames(bytes: Buffer): unknown[] {
  const bodies: unknown[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const header = /^(?:Content-Type: [^\r]+\r\n)?Content-Length: (\d+)\r\n\r\n/.exec(rest.toString('latin1'));
    if (header === null) throw new Error(`no frame: ${JSON.stringify(rest.subarray(0, 200).toString())}`);
    const start = header[0].length;
    const end = start + Number(header[1]);
    bodies.push(JSON.parse(rest.subarray(start, end).toString()));
    rest = rest.subarray(end);
  }
  return bodies;
}
