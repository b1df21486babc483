import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { devNull } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { PeerweaveError } from '../../../shared/errors.ts';
import type { Disposable } from '../../../shared/disposable.ts';
import { GitFailure } from './git-failure.ts';
import { NOT_FOUND, SpareShells } from './spare-shells.ts';

export interface GitOptions {
  readonly cwd?: string;
  /** Repository to work on; without it git finds one from `cwd`. */
  readonly gitDir?: string;
  readonly workTree?: string;
  /** Variables to add; inherited `GIT_*` never get through. */
  readonly env?: Readonly<Record<string, string>>;
  /** Configuration for this one call, `key=value`. */
  readonly config?: readonly string[];
  /** Ignores the user's and the system's configuration: for everything that handles a peer's bytes. */
  readonly isolated?: boolean;
  /** May take locks and write: durable, without hooks, without housekeeping in the background. */
  readonly write?: boolean;
  /** With `write`: the user's own command, with their hooks and with who their environment says they are. */
  readonly hooks?: boolean;
  readonly signal?: AbortSignal;
  /** Told the process id as soon as there is one. */
  readonly onStart?: (pid: number) => void;
}

export interface RunOptions extends GitOptions {
  readonly input?: string | Buffer;
  /** Exit codes that are an answer, not a failure. Default `[0]`. */
  readonly answers?: readonly number[];
  /** Bytes of stdout to hold in memory before giving up. Default 64 MiB. */
  readonly maxOutput?: number;
}

export interface GitOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running git process. `exit` resolves to the exit code (null when killed by a signal) and rejects only if it never started. */
export interface GitProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly exit: Promise<number | null>;
  /** What it wrote to stderr so far, at most the last 64 KiB. */
  stderr(): string;
  kill(): void;
}

const MAX_OUTPUT = 64 * 1024 * 1024;
const MAX_STDERR = 64 * 1024;

/** Hooks and background housekeeping belong to the user's own commands; ours must survive a power cut (facts: git's defaults do not). */
const NO_HOOKS = `core.hooksPath=${devNull}`;
const WRITE_CONFIG = [
  'core.fsync=committed,reference,loose-object',
  'core.fsyncMethod=batch',
  'gc.auto=0',
  'maintenance.auto=false',
];

/** Starts git processes with a known environment. The one place where the repository layer spawns anything. */
export class Git {
  readonly executable: string;
  private readonly spares = new SpareShells(() => baseEnvironment());

  constructor(executable = 'git') {
    this.executable = executable;
  }

  /** Makes starts quick, for as long as what this returns is not disposed: somebody waits for what they are for. */
  expectStarts(): Disposable {
    return this.spares.keep();
  }

  /** Starts git; stdin, stdout and stderr are pipes. An abort kills it. */
  start(args: readonly string[], options: GitOptions = {}): GitProcess {
    const words = [...globalArgs(options), ...args];
    const spare = this.takeSpare(words, options);
    const child =
      spare ??
      spawn(this.executable, words, {
        cwd: options.cwd,
        env: { ...baseEnvironment(options.hooks), ...ownEnvironment(options) },
        windowsHide: true,
      });
    if (child.pid !== undefined) options.onStart?.(child.pid);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-MAX_STDERR);
    });
    // A child that exits early makes its stdin fail with EPIPE; the exit code says more than that.
    child.stdin.on('error', () => undefined);
    const kill = (): void => void child.kill('SIGTERM');
    const { signal } = options;
    const exit = new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) => reject(startFailure(this.executable, error)));
      child.once('close', (code) => {
        if (spare !== undefined && code === NOT_FOUND) reject(gitMissing());
        else resolve(code);
      });
    });
    exit.catch(() => undefined).finally(() => signal?.removeEventListener('abort', kill));
    if (signal?.aborted === true) kill();
    else signal?.addEventListener('abort', kill, { once: true });
    return {
      child,
      stdin: child.stdin,
      stdout: child.stdout,
      exit,
      stderr: () => stderr,
      kill,
    };
  }

  /**
   * Runs git to its end. Throws `GitFailure` when it exits with a code that is not among `answers`, `PeerweaveError` with
   * `git-missing` when there is no git, `cancelled` when the signal fired.
   */
  async run(args: readonly string[], options: RunOptions = {}): Promise<GitOutput> {
    const process = this.start(args, options);
    const chunks: Buffer[] = [];
    let size = 0;
    process.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > (options.maxOutput ?? MAX_OUTPUT)) process.kill();
      else chunks.push(chunk);
    });
    process.stdin.end(options.input);
    const code = await process.exit;
    throwIfCancelled(options.signal);
    const stderr = process.stderr();
    if (code === null || !(options.answers ?? [0]).includes(code)) {
      throw new GitFailure(args[0] ?? '', code, stderr);
    }
    return { code, stdout: Buffer.concat(chunks).toString('utf8'), stderr };
  }

  private takeSpare(words: readonly string[], options: GitOptions): ChildProcessWithoutNullStreams | undefined {
    // The user's own commands have another environment.
    if (options.hooks === true) return undefined;
    return this.spares.take([this.executable, ...words], { cwd: options.cwd, env: ownEnvironment(options) });
  }
}

/** Throws `PeerweaveError` with reason `cancelled` when the signal has fired. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new PeerweaveError('cancelled', 'Cancelled.', { cause: signal.reason });
}

function startFailure(executable: string, error: NodeJS.ErrnoException): PeerweaveError {
  // Node reports a missing `cwd` as ENOENT of the executable too.
  if (error.code === 'ENOENT' && error.path === executable) return gitMissing(error);
  return new PeerweaveError('internal', `git could not be started: ${error.message}`, { cause: error });
}

const gitMissing = (cause?: unknown): PeerweaveError =>
  new PeerweaveError('git-missing', 'Git was not found. Install git 2.38 or newer, or set its path in the settings.', {
    cause,
  });

function globalArgs(options: GitOptions): string[] {
  const config = [...(options.write === true ? WRITE_CONFIG : []), ...(options.config ?? [])];
  if (options.write === true && options.hooks !== true) config.push(NO_HOOKS);
  // Ownership was checked with the user's configuration when the repository was opened.
  if (options.isolated === true) config.push('safe.directory=*');
  return [
    ...(options.gitDir === undefined ? [] : [`--git-dir=${options.gitDir}`]),
    ...(options.workTree === undefined ? [] : [`--work-tree=${options.workTree}`]),
    ...config.flatMap((entry) => ['-c', entry]),
  ];
}

/** Who the user is and where their configuration lies: what their own commands go by, and nothing that points git elsewhere. */
const USERS_OWN = /^GIT_(?:(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL)|CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM))$/;

/** What every git gets of ours. */
function baseEnvironment(hooks = false): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^GIT_/i.test(name) || (hooks && USERS_OWN.test(name))) env[name] = value;
  }
  return {
    ...env,
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_LAZY_FETCH: '1',
    // A peer's `.lfsconfig` must not make git-lfs talk to a server of the peer's choice.
    GIT_LFS_SKIP_SMUDGE: '1',
  };
}

/** What one call adds to that. */
function ownEnvironment(options: GitOptions): Record<string, string> {
  return {
    ...(options.write === true ? {} : { GIT_OPTIONAL_LOCKS: '0' }),
    ...(options.isolated === true
      ? { GIT_CONFIG_GLOBAL: devNull, GIT_CONFIG_NOSYSTEM: '1', GIT_ATTR_NOSYSTEM: '1' }
      : {}),
    ...options.env,
  };
}
