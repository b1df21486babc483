import { mkdir, writeFile } from 'node:fs/promises';
import { devNull } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { PeerweaveError } from '../../../shared/errors.ts';
import type { ObjectFormat } from '../repository.ts';
import { drained } from './drained.ts';
import { GitFailure } from './git-failure.ts';
import { throwIfCancelled, type Git, type GitProcess } from './git.ts';
import { Staging } from './staging.ts';

/**
 * Everything that decides how git merges, said outright, so that neither anybody's configuration nor a default that differs between
 * versions of git does. What is not here is git's own and the same from 2.38 on (merge-ort.c).
 */
const MERGE_CONFIG = [
  // Without it git reads ~/.config/git/attributes even when there is no global configuration.
  `core.attributesFile=${devNull}`,
  'merge.renames=true',
  'diff.renames=true',
  // Pairs of an added and a deleted file that are compared; above the square of it a rename is only seen when nothing else changed.
  'merge.renameLimit=1000',
  'diff.renameLimit=1000',
  'merge.directoryRenames=conflict',
  'merge.renormalize=false',
  'merge.conflictStyle=merge',
  'diff.algorithm=histogram',
  'merge.verbosity=2',
  'core.autocrlf=false',
  'core.safecrlf=false',
  'core.ignoreCase=false',
  'core.precomposeUnicode=false',
  'core.commitGraph=true',
  // What is written in the room is thrown away soon, or packed anew.
  'core.looseCompression=0',
  'submodule.recurse=false',
  'i18n.commitEncoding=UTF-8',
  'i18n.logOutputEncoding=UTF-8',
];

const DEFAULT_TIMEOUT_MS = 30_000;
/** More than a merge with hundreds of thousands of conflicts says. */
const MAX_OUTPUT = 32 * 1024 * 1024;

export interface RoomOptions {
  readonly format: ObjectFormat;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface RoomRun {
  /** Exit codes that are an answer. Default `[0]`. */
  readonly answers?: readonly number[];
  readonly input?: string | Buffer;
  /** A file in the room to use as index. */
  readonly index?: string;
}

export interface BoundedOutput {
  readonly code: number;
  readonly stdout: string;
  /** There was more than is held. */
  readonly truncated: boolean;
}

/**
 * A bare git directory of its own to merge in, whose objects are those of a repository and, on top, what the merge writes. The
 * repository's own directory would not do: git takes attributes from its worktree and from `info/attributes`, which no setting
 * turns off, replaces commits by `refs/replace`, and merges submodules by what happens to be checked out. All of these differ from
 * person to person. Nothing of it is in the repository until `publish`; leftovers of a crash are swept with the staging folders.
 */
export class MergeRoom {
  readonly staging: Staging;
  private readonly git: Git;
  private readonly gitDir: string;
  private readonly signal: AbortSignal;
  private readonly timeout: AbortSignal;
  private readonly closing = new AbortController();

  private constructor(git: Git, staging: Staging, gitDir: string, options: RoomOptions) {
    this.git = git;
    this.staging = staging;
    this.gitDir = gitDir;
    this.timeout = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const signals = [this.timeout, this.closing.signal];
    this.signal = AbortSignal.any(options.signal === undefined ? signals : [options.signal, ...signals]);
  }

  /** `repositoryDir` is the common git directory of the repository. */
  static async open(git: Git, repositoryDir: string, options: RoomOptions): Promise<MergeRoom> {
    throwIfCancelled(options.signal);
    const staging = await Staging.create(repositoryDir);
    const gitDir = join(staging.path, 'room');
    await Promise.all([
      mkdir(join(gitDir, 'refs'), { recursive: true }),
      mkdir(join(gitDir, 'objects'), { recursive: true }),
    ]);
    const sha256 = options.format === 'sha256';
    const config = `[core]\n\trepositoryFormatVersion = ${sha256 ? 1 : 0}\n\tbare = true\n${sha256 ? '[extensions]\n\tobjectFormat = sha256\n' : ''}`;
    // An unborn branch, so that no version of git finds attributes there.
    await Promise.all([
      writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/none\n'),
      writeFile(join(gitDir, 'config'), config),
    ]);
    return new MergeRoom(git, staging, gitDir, options);
  }

  /** A file in the room, for an index of one's own. */
  path(name: string): string {
    return join(this.gitDir, name);
  }

  /**
   * Runs git in the room. Output beyond 32 MiB is let go and said to be. Throws `GitFailure`, and `PeerweaveError` with `cancelled` or
   * `timeout`.
   */
  async run(args: readonly string[], options: RoomRun = {}): Promise<BoundedOutput> {
    const { bytes, ...rest } = await this.read(args, options);
    return { ...rest, stdout: bytes.toString('utf8') };
  }

  /** As `run`, for output that is not text. */
  async read(
    args: readonly string[],
    options: RoomRun = {},
  ): Promise<Omit<BoundedOutput, 'stdout'> & { bytes: Buffer }> {
    const process = this.start(args, options.index);
    const chunks: Buffer[] = [];
    let size = 0;
    process.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_OUTPUT) chunks.push(chunk);
    });
    process.stdin.end(options.input);
    const code = await process.exit;
    this.check();
    if (code === null || !(options.answers ?? [0]).includes(code)) {
      throw new GitFailure(args[0] ?? '', code, process.stderr());
    }
    return { code, bytes: Buffer.concat(chunks), truncated: size > MAX_OUTPUT };
  }

  /** Writes a pack of what these revisions reach (`^` before what they do not) to the stream, and ends it. */
  async pack(revisions: readonly string[], to: Writable): Promise<void> {
    const process = this.start(['pack-objects', '--revs', '--stdout', '--thin', '-q']);
    process.stdin.end(revisions.map((revision) => `${revision}\n`).join(''));
    // Not `pipeline`: the taker may have enough before the stream's end, which is no failure.
    for await (const chunk of process.stdout as AsyncIterable<Buffer>) {
      if (!to.writable) break;
      if (!to.write(chunk)) await drained(to);
    }
    to.end();
    const code = await process.exit;
    this.check();
    if (code !== 0) throw new GitFailure('pack-objects', code, process.stderr());
  }

  /** Ends what still runs in the room, and removes it with what was not published. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.staging.remove();
  }

  private start(args: readonly string[], index?: string): GitProcess {
    this.check();
    return this.git.start(args, {
      cwd: this.gitDir,
      gitDir: this.gitDir,
      isolated: true,
      config: MERGE_CONFIG,
      env: {
        ...this.staging.env(),
        TZ: 'UTC0',
        GIT_NO_REPLACE_OBJECTS: '1',
        ...(index === undefined ? {} : { GIT_INDEX_FILE: index }),
      },
      signal: this.signal,
    });
  }

  private check(): void {
    if (!this.signal.aborted) return;
    if (this.timeout.aborted && this.signal.reason === this.timeout.reason) {
      throw new PeerweaveError('timeout', 'Merging took too long and was given up; the branches stay as they are.');
    }
    throwIfCancelled(this.signal);
  }
}
