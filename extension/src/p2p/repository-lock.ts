import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import { PeerweaveError } from '../shared/errors.ts';
import { parseOrUndefined, readIfThere, writePrivately } from './home.ts';
import { holdingGuard } from './lock-guard.ts';

/**
 * One engine runs a repository's session. The engine that does listens on a local socket, whose path it leaves in
 * `.git/peerweave/engine.json` for the CLI; a socket that answers is the proof that the engine lives, which no stale file or
 * recycled process id can give. Only this user can reach it: the socket's folder has mode 0700.
 */
const engineFile = z.object({ v: z.literal(1), pid: z.int(), socket: z.string().min(1), repo: z.string() });

/** sockaddr_un holds 108 bytes on Linux and 104 on macOS, with the terminator. */
const MAX_SOCKET_PATH = 100;
const TAKE_RETRY_MS = 100;
/** An answer that is on its way may arrive; whoever does not hang up then is hung up on. */
const FAREWELL_MS = 500;

export class RepositoryLock {
  readonly repo: string;
  private readonly file: string;
  private readonly path: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private onSocket: (socket: Socket) => void = (socket) => socket.destroy();

  private constructor(repo: string, file: string, path: string, server: Server) {
    this.repo = repo;
    this.file = file;
    this.path = path;
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
    const folder = join(gitDir, 'peerweave');
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const lock = await holdingGuard(join(folder, 'engine.lock'), () => takeUnlessRunning(gitDir, repo));
      if (lock !== undefined) return lock;
      if (Date.now() >= deadline) {
        throw new PeerweaveError(
          'engine-busy',
          `Another window or process already runs the session of ${repo}. Leave it there, or use that one.`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, TAKE_RETRY_MS));
    }
  }

  /** Listens and says so in `engine.json`. The caller has made sure that no other engine does. */
  static async listen(gitDir: string, repo: string): Promise<RepositoryLock> {
    const path = await socketPath(gitDir);
    const lock = new RepositoryLock(repo, join(gitDir, 'peerweave', 'engine.json'), path, await listenOn(path));
    try {
      await writePrivately(lock.file, JSON.stringify({ v: 1, pid: process.pid, socket: path, repo }));
      return lock;
    } catch (error) {
      await lock.close();
      throw error;
    }
  }

  /** Whoever connects from the same machine and user is handed to `handler`. */
  serve(handler: (socket: Socket) => void): void {
    this.onSocket = handler;
  }

  async release(): Promise<void> {
    // First, so that nobody takes this socket for a running engine's.
    await rm(this.file, { force: true });
    await this.close();
  }

  /** Hangs up and stops listening, which removes the socket. */
  private async close(): Promise<void> {
    for (const socket of this.sockets) socket.end();
    const insist = setTimeout(() => {
      for (const socket of this.sockets) socket.destroy();
    }, FAREWELL_MS);
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    clearTimeout(insist);
    await rmOwnFolder(this.path);
  }
}

async function takeUnlessRunning(gitDir: string, repo: string): Promise<RepositoryLock | undefined> {
  const running = await findEngine(gitDir);
  running?.destroy();
  if (running !== undefined) return undefined;
  await sweep(gitDir);
  return RepositoryLock.listen(gitDir, repo);
}

/** A connection to the engine that runs the session of this repository, if one does. */
export async function findEngine(gitDir: string): Promise<Socket | undefined> {
  const known = await readEngineFile(gitDir);
  if (known === undefined) return undefined;
  return new Promise((resolve) => {
    const socket = createConnection(known.socket);
    socket.once('connect', () => {
      // It may end at any moment; whoever uses the socket hears of that by its closing.
      socket.on('error', () => undefined);
      resolve(socket);
    });
    socket.once('error', () => resolve(undefined));
  });
}

async function readEngineFile(gitDir: string): Promise<z.infer<typeof engineFile> | undefined> {
  const text = await readIfThere(join(gitDir, 'peerweave', 'engine.json'));
  const parsed = engineFile.safeParse(text === undefined ? undefined : parseOrUndefined(text));
  return parsed.success ? parsed.data : undefined;
}

/** Removes the sockets of engines that were killed. */
async function sweep(gitDir: string): Promise<void> {
  const stale = await readEngineFile(gitDir);
  if (stale !== undefined) await rmOwnFolder(stale.socket);
  const folder = join(gitDir, 'peerweave');
  const left = (await readdir(folder)).filter((name) => /^engine-\d+\.sock$/.test(name));
  await Promise.all(left.map((name) => rm(join(folder, name), { force: true })));
}

const TEMPORARY_FOLDER = /^peerweave-engine-\w{6}$/;

/** Beside the repository, or where paths are shorter, in a folder that nobody else can have made or guessed. */
async function socketPath(gitDir: string): Promise<string> {
  if (process.platform === 'win32') return `\\\\.\\pipe\\peerweave-${randomUUID()}`;
  const beside = join(gitDir, 'peerweave', `engine-${process.pid}.sock`);
  if (Buffer.byteLength(beside) <= MAX_SOCKET_PATH) return beside;
  const folder = await mkdtemp(join(tmpdir(), 'peerweave-engine-'));
  return join(folder, 'socket');
}

/** A folder that `socketPath` made goes with its socket. */
async function rmOwnFolder(socket: string): Promise<void> {
  const folder = dirname(socket);
  if (!TEMPORARY_FOLDER.test(basename(folder)) || basename(socket) !== 'socket') return;
  await rm(folder, { recursive: true, force: true });
}

async function listenOn(path: string): Promise<Server> {
  // The folder may be older than us, and wider.
  if (process.platform !== 'win32') await chmod(dirname(path), 0o700);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  if (process.platform !== 'win32') await chmod(path, 0o600);
  return server;
}
