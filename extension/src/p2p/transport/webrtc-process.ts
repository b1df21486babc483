import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import { RateLimit } from '../../shared/rate-limit.ts';
import { HostedConnection } from './hosted-connection.ts';
import { frameReader, FrameWriter, PIPE_FD } from './webrtc-process/frame-pipe.ts';
import type { FrameParser } from './webrtc-process/frames.ts';
import { giveBack } from './webrtc-process/give-back.ts';
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

/** A process that was started, and the pipe to it. */
interface Started {
  readonly child: ChildProcess;
  readonly pipe: Socket;
  readonly writer: FrameWriter<ToProcess>;
}

/** Starts the process that WebRTC runs in when it is first wanted, watches it, and ends it when it hangs or is not wanted any more. */
export class WebRtcProcess {
  private readonly options: WebRtcProcessOptions;
  private readonly pingMs: number;
  private readonly starts: RateLimit;
  private readonly connections = new Map<number, HostedConnection>();
  private current: Started | undefined;
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
    return this.current?.child.pid;
  }

  /** Starts it, if it can be started, for it will be wanted soon; that takes a fifth of a second. */
  warm(): void {
    if (this.current !== undefined || this.unavailable !== undefined) return;
    try {
      this.current = this.start();
      this.hold();
    } catch {
      // Whoever wants it is told.
    }
  }

  /** Throws `unreachable` where there is no WebRTC for this platform, or it has died too often. */
  open(options: ConnectionOptions): HostedConnection {
    if (this.unavailable !== undefined) throw new PeerweaveError('unreachable', this.unavailable);
    const started = (this.current ??= this.start());
    const id = ++this.ids;
    const connection = new HostedConnection({
      command: (command) => started.writer.say({ kind: 'command', id, command }),
      send: (message) => started.writer.send(id, message),
    });
    this.connections.set(id, connection);
    connection.onEnded(() => {
      this.connections.delete(id);
      this.hold();
    });
    started.writer.say({ kind: 'open', id, options });
    this.hold();
    return connection;
  }

  private start(): Started {
    if (!this.starts.take()) {
      throw new PeerweaveError('unreachable', 'WebRTC has crashed again and again; it is tried again in some minutes.');
    }
    const entry = this.options.entry ?? (existsSync(BUNDLE) ? BUNDLE : SOURCE);
    // Forked, for Electron runs as Node then; its channel is of no use, as everything that is sent there is copied several times.
    const child = fork(fileURLToPath(entry), [], {
      execArgv: [],
      // Overlapped, or on Windows a pipe could not be written to while it is read from.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc', 'overlapped'],
    });
    child.channel?.unref();
    // A process that could not be made says so later, to whoever listens.
    child.on('error', () => undefined);
    const pipe = (child as Partial<ChildProcess>).stdio?.[PIPE_FD] as Socket | undefined;
    if (pipe === undefined)
      throw new PeerweaveError('unreachable', 'WebRTC cannot be started: too many files are open.');
    const started = { child, pipe, writer: new FrameWriter<ToProcess>(pipe) };
    const reader = frameReader<FromProcess>({
      control: (message) => this.hear(started, message),
      data: (id, message) => this.connections.get(id)?.receive(message),
    });
    pipe.on('data', (chunk: Buffer) => this.read(started, reader, chunk));
    pipe.on('error', () => undefined);
    child.on('exit', () => this.lose(started, 'The process that WebRTC runs in has ended.'));
    child.on('error', ({ message }) => this.lose(started, `WebRTC cannot be started: ${message}`));
    this.silentPings = this.idleMs = 0;
    this.timer = setInterval(() => this.look(started), this.pingMs).unref();
    return started;
  }

  private read(started: Started, reader: FrameParser, chunk: Buffer): void {
    if (started !== this.current) return;
    this.silentPings = 0;
    try {
      reader.push(chunk);
      giveBack(chunk);
    } catch (error) {
      this.lose(started, `The process that WebRTC runs in makes no sense: ${messageOf(error)}`);
    }
  }

  private hear(started: Started, message: FromProcess): void {
    switch (message.kind) {
      case 'event':
        return this.connections.get(message.id)?.hear(message.event);
      case 'pong':
        return;
      case 'unavailable':
        this.unavailable = message.message;
        return this.lose(started, message.message);
    }
  }

  /** Asks for a sign of life when somebody depends on it, and lets it go when nobody has for long. */
  private look(started: Started): void {
    if (this.connections.size === 0) {
      this.idleMs += this.pingMs;
      if (this.idleMs >= (this.options.idleMs ?? IDLE_MS)) this.lose(started, 'It is not wanted any more.');
      return;
    }
    this.idleMs = 0;
    if (this.silentPings >= MAX_SILENT_PINGS) return this.lose(started, 'The process that WebRTC runs in hung.');
    this.silentPings += 1;
    started.writer.say({ kind: 'ping' });
  }

  private lose(started: Started, why: string): void {
    if (started !== this.current) return;
    this.current = undefined;
    clearInterval(this.timer);
    // It may hang in a way that nothing else ends.
    started.child.kill('SIGKILL');
    started.pipe.destroy();
    for (const connection of [...this.connections.values()]) connection.end(new PeerweaveError('link-lost', why));
    this.connections.clear();
  }

  /** Keeps this process alive as long as there are connections, as a socket would, and no longer. */
  private hold(): void {
    if (this.current === undefined) return;
    const { child, pipe } = this.current;
    for (const each of [child, pipe]) {
      if (this.connections.size > 0) each.ref();
      else each.unref();
    }
  }
}

/** One for all sessions of an engine. */
export const webRtcProcess = new WebRtcProcess();
