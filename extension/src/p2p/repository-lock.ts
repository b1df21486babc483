import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { PeerweaveError } from '../shared/errors.ts';
import { parseOrUndefined, readIfThere, writePrivately } from './home.ts';

/**
 * One engine runs a repository's session. The engine that does listens on a local socket, whose path it leaves in
 * `.git/peerweave/engine.json` for the CLI; a socket that answers is the proof that the engine lives, which no stale file or
 * recycled process id can give. Only this user can reach it: the socket's folder has mode 0700.
 */
const engineFile = z.object({ v: z.literal(1), pid: z.int(), socket: z.string().min(1), repo: z.string() });

/** sockaddr_un holds 108 bytes on Linux and 104 on macOS, with the terminator. */
const MAX_SOCKET_PATH = 100;
const TAKE_RETRY_MS = 100;

export class RepositoryLock {
  readonly repo: string;
  private readonly file: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private onSocket: (socket: Socket) => void = (socket) => socket.destroy();

  private constructor(repo: string, file: string, server: Server) {
    this.repo = repo;
    this.file = file;
    this.server = server;
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.sockets.delete(socket));
      this.onSocket(socket);
    });
  }

  /**
   * Throws `engine-busy` when another process runs this repository's session, and goes on to for `patienceMs` milliseconds:
   * an engine that is being replaced (a window that reloads) needs a moment to let go.
   */
  static async take(gitDir: string, repo: string, patienceMs = 0): Promise<RepositoryLock> {
    const file = join(gitDir, 'peerweave', 'engine.json');
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const running = await findEngine(gitDir);
      if (running === undefined) break;
      running.destroy();
      if (Date.now() >= deadline) {
        throw new PeerweaveError(
          'engine-busy',
          `Another window or process already runs the session of ${repo}. Leave it there, or use that one.`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, TAKE_RETRY_MS));
    }
    const socket = await socketPath(gitDir);
    const server = await listenOn(socket);
    const lock = new RepositoryLock(repo, file, server);
    await writePrivately(file, JSON.stringify({ v: 1, pid: process.pid, socket, repo }));
    return lock;
  }

  /** Whoever connects from the same machine and user is handed to `handler`. */
  serve(handler: (socket: Socket) => void): void {
    this.onSocket = handler;
  }

  async release(): Promise<void> {
    await rm(this.file, { force: true });
    for (const socket of this.sockets) socket.end();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

/** A connection to the engine that runs the session of this repository, if one does. */
export async function findEngine(gitDir: string): Promise<Socket | undefined> {
  const text = await readIfThere(join(gitDir, 'peerweave', 'engine.json'));
  const parsed = text === undefined ? undefined : engineFile.safeParse(parseOrUndefined(text));
  if (parsed?.success !== true) return undefined;
  return new Promise((resolve) => {
    const socket = createConnection(parsed.data.socket);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

async function socketPath(gitDir: string): Promise<string> {
  const id = createHash('sha256').update(`${gitDir}\0${process.pid}`).digest('hex').slice(0, 16);
  if (process.platform === 'win32') return `\\\\.\\pipe\\peerweave-${id}`;
  const beside = join(gitDir, 'peerweave', `engine-${process.pid}.sock`);
  if (Buffer.byteLength(beside) <= MAX_SOCKET_PATH) {
    await rm(beside, { force: true });
    return beside;
  }
  const folder = join(tmpdir(), `peerweave-${process.getuid?.() ?? 0}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${id}.sock`);
}

async function listenOn(path: string): Promise<Server> {
  if (process.platform !== 'win32') await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return server;
}
