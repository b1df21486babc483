import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PeerweaveError } from '../../shared/errors.ts';
import { RateLimit } from '../../shared/rate-limit.ts';
import { HostedConnection } from './hosted-connection.ts';
import type { ConnectionOptions, FromProcess, ToProcess } from './webrtc-process/wire.ts';

/** Beside the bundles, or beside this file. */
const BUNDLE = new URL('./webrtc.mjs', import.meta.url);
const SOURCE = new URL('./webrtc-process/main.ts', import.meta.url);
/** How often it is asked for a sign of life while it has connections. */
const PING_MS = 2_000;
/** So many questions without an answer: it hangs. Counted and not timed, so that a machine that slept does not look like it. */
const MAX_SILENT_PINGS = 5;
/** Without connections it ends after it: an idle engine has no other process (ED1). */
const IDLE_MS = 30_000;
/** A process that dies again and again is not started for each attempt. */
const STARTS_AT_ONCE = 5;
const STARTS_PER_SECOND = 1 / 60;

export interface WebRtcProcessOptions {
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  readonly pingMs?: number;
  readonly idleMs?: number;
  /** What the process runs. */
  readonly entry?: URL;
}

/** Starts the process that WebRTC runs in when it is first wanted, watches it, and ends it when it hangs or is not wanted any more. */
export class WebRtcProcess {
  private readonly options: WebRtcProcessOptions;
  private readonly pingMs: number;
  private readonly starts: RateLimit;
  private readonly connections = new Map<number, HostedConnection>();
  private child: ChildProcess | undefined;
  private timer: NodeJS.Timeout | undefined;
  private silentPings = 0;
  private idleMs = 0;
  private ids = 0;
  private unavailable: string | undefined;

  constructor(options: WebRtcProcessOptions = {}) {
    this.options = options;
    this.pingMs = options.pingMs ?? PING_MS;
    this.starts = new RateLimit(STARTS_PER_SECOND, STARTS_AT_ONCE, options.now ?? (() => performance.now()));
  }

  /** The process's id, while there is one. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts it, if it can be started, for it will be wanted soon; that takes a fifth of a second. */
  warm(): void {
    if (this.child !== undefined || this.unavailable !== undefined) return;
    try {
      this.child = this.start();
      this.hold();
    } catch {
      // Whoever wants it is told.
    }
  }

  /** Throws `unreachable` where there is no WebRTC for this platform, or it has died too often. */
  open(options: ConnectionOptions): HostedConnection {
    if (this.unavailable !== undefined) throw new PeerweaveError('unreachable', this.unavailable);
    const child = (this.child ??= this.start());
    const id = ++this.ids;
    const connection = new HostedConnection((command) => this.say(child, { kind: 'command', id, command }));
    this.connections.set(id, connection);
    connection.onEnded(() => {
      this.connections.delete(id);
      this.hold();
    });
    this.say(child, { kind: 'open', id, options });
    this.hold();
    return connection;
  }

  private start(): ChildProcess {
    if (!this.starts.take()) {
      throw new PeerweaveError('unreachable', 'WebRTC has crashed again and again; it is tried again in some minutes.');
    }
    const entry = this.options.entry ?? (existsSync(BUNDLE) ? BUNDLE : SOURCE);
    const child = fork(fileURLToPath(entry), [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.on('message', (message: FromProcess) => this.hear(child, message));
    child.on('exit', () => this.lose(child, 'The process that WebRTC runs in has ended.'));
    child.on('error', ({ message }) => this.lose(child, `WebRTC cannot be started: ${message}`));
    this.silentPings = this.idleMs = 0;
    this.timer = setInterval(() => this.look(child), this.pingMs).unref();
    return child;
  }

  private hear(child: ChildProcess, message: FromProcess): void {
    if (child !== this.child) return;
    this.silentPings = 0;
    switch (message.kind) {
      case 'event':
        return this.connections.get(message.id)?.hear(message.event);
      case 'pong':
        return;
      case 'unavailable':
        this.unavailable = message.message;
        return this.lose(child, message.message);
    }
  }

  /** Asks for a sign of life when somebody depends on it, and lets it go when nobody has for long. */
  private look(child: ChildProcess): void {
    if (this.connections.size === 0) {
      this.idleMs += this.pingMs;
      if (this.idleMs >= (this.options.idleMs ?? IDLE_MS)) this.lose(child, 'It is not wanted any more.');
      return;
    }
    this.idleMs = 0;
    if (this.silentPings >= MAX_SILENT_PINGS) return this.lose(child, 'The process that WebRTC runs in hung.');
    this.silentPings += 1;
    this.say(child, { kind: 'ping' });
  }

  private lose(child: ChildProcess, why: string): void {
    if (child !== this.child) return;
    this.child = undefined;
    clearInterval(this.timer);
    // It may hang in a way that nothing else ends.
    child.kill('SIGKILL');
    for (const connection of [...this.connections.values()]) connection.end(new PeerweaveError('link-lost', why));
    this.connections.clear();
  }

  private say(child: ChildProcess, message: ToProcess): void {
    if (child === this.child && child.connected) child.send(message, () => undefined);
  }

  /** Keeps this process alive as long as there are connections, as a socket would, and no longer. */
  private hold(): void {
    const { child } = this;
    if (child === undefined) return;
    if (this.connections.size > 0) {
      child.ref();
      child.channel?.ref();
    } else {
      child.unref();
      child.channel?.unref();
    }
  }
}

/** One for all sessions of an engine. */
export const webRtcProcess = new WebRtcProcess();
