import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Disposable } from '../../../extension/src/shared/disposable.ts';
import type { Namespace } from '../lab/namespace.ts';
import type { Command, Endpoint, Report } from './agent-protocol.ts';

/** Far longer than any answer on a machine without delays; only a broken laboratory waits so long. */
const PATIENCE_MS = 20_000;

/** Omits from each member of a union. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A process in a namespace that sends and receives what a test tells it. */
export class ProbeAgent implements Disposable {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly heard: Report[] = [];
  private readonly listeners = new Set<() => void>();
  private ids = 0;

  constructor(namespace: Namespace) {
    const [command, ...args] = namespace.via;
    const agent = [process.execPath, resolve(import.meta.dirname, 'agent.ts')];
    this.child = spawn(command, [...args, ...agent], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdin.on('error', () => undefined);
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.heard.push(JSON.parse(line) as Report);
      for (const listener of [...this.listeners]) listener();
    });
  }

  /** Opens a UDP socket. */
  async udp(version: 4 | 6, at: Partial<Endpoint> = {}): Promise<ProbeSocket> {
    const id = this.tell({ do: 'open', version, ...at });
    const { at: local } = await this.opened(id);
    const received = (): Datagram[] => this.heard.filter(isDatagram).filter((report) => report.id === id);
    return {
      local: local!,
      send: (to, text) => this.write({ do: 'send', id, to, text }),
      received,
      datagram: (text) => this.until(() => received().find((datagram) => datagram.text === text)),
    };
  }

  /** Accepts TCP connections; the function tells how many there have been. */
  async listen(at: Endpoint): Promise<() => number> {
    const id = this.tell({ do: 'listen', at });
    await this.opened(id);
    return () => this.heard.filter((report) => report.event === 'connection' && report.id === id).length;
  }

  /** Begins a TCP connection to an agent. */
  connect(to: Endpoint): ProbeConnection {
    const id = this.tell({ do: 'connect', to });
    return {
      opened: () => this.opened(id),
      isOpen: () => this.heard.some((report) => report.event === 'open' && report.id === id),
    };
  }

  /** Resolves when everything that has arrived at the agent by now is known here. */
  async upToDate(): Promise<void> {
    await this.opened(this.tell({ do: 'echo' }));
  }

  dispose(): void {
    this.child.kill('SIGKILL');
  }

  private tell(command: Without<Command, 'id'>): number {
    this.ids += 1;
    this.write({ ...command, id: this.ids });
    return this.ids;
  }

  private write(command: Command): void {
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  private opened(id: number): Promise<Opened> {
    return this.until(() => this.heard.find((report): report is Opened => report.event === 'open' && report.id === id));
  }

  /** What `find` finds, now or when more has been reported. */
  private until<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        settle();
        resolve(found);
      };
      const settle = (): void => {
        clearTimeout(timer);
        this.listeners.delete(look);
      };
      const timer = setTimeout(() => {
        settle();
        reject(new Error(`Nothing of it in ${PATIENCE_MS} ms. Heard: ${JSON.stringify(this.heard)}`));
      }, PATIENCE_MS);
      this.listeners.add(look);
      look();
    });
  }
}

type Opened = Extract<Report, { event: 'open' }>;
type Datagram = Extract<Report, { event: 'datagram' }>;
const isDatagram = (report: Report): report is Datagram => report.event === 'datagram';

export interface ProbeSocket {
  readonly local: Endpoint;
  send(to: Endpoint, text: string): void;
  received(): readonly Datagram[];
  /** The datagram of this text, once it is here. */
  datagram(text: string): Promise<Datagram>;
}

export interface ProbeConnection {
  /** Resolves when it is established. */
  opened(): Promise<unknown>;
  isOpen(): boolean;
}
