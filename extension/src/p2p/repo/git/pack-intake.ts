import { PeerweaveError } from '../../../shared/errors.ts';
import { UNPACK_LIMIT } from '../limits.ts';
import type { ReceiveLimits } from '../repository.ts';
import { drained } from './drained.ts';
import { STRICT } from './fsck-policy.ts';
import { GitFailure } from './git-failure.ts';
import { throwIfCancelled, type Git, type GitProcess } from './git.ts';
import type { ProgressMeter } from './progress-meter.ts';
import { SYNCS_OBJECTS, type Staging } from './staging.ts';

export interface IntakeOptions {
  readonly gitDir: string;
  readonly staging: Staging;
  readonly limits: ReceiveLimits;
  readonly progress: ProgressMeter;
  readonly signal: AbortSignal;
  /**
   * The pack is to hold all that it builds on. Git then does not see what the repository has, and does not compare it byte by byte with the
   * same objects in the pack: a clone's tip with its history.
   */
  readonly whole?: boolean;
}

export interface Intake {
  readonly bytes: number;
  readonly objects: number;
  /** Every object that the pack refers to is in it: nothing is left to check for connectivity. */
  readonly selfContained: boolean;
}

/** `PACK`, version, number of objects: three big-endian words (gitformat-pack(5)). */
const HEADER_SIZE = 12;

/**
 * Feeds a pack into staging through `git unpack-objects` or, from `UNPACK_LIMIT` objects on, `git index-pack`; both check every
 * object strictly. `ready` is what `startUnpacking` gave, to be used for a small pack. Throws `PeerweaveError` with `pack-too-large`
 * when the stream passes a limit, `pack-rejected` when git refuses the pack, `disk-full`.
 */
export async function takeInPack(
  git: Git,
  pack: AsyncGenerator<Buffer>,
  options: IntakeOptions,
  ready?: GitProcess,
): Promise<Intake> {
  try {
    const header = await readHeader(pack);
    const objects = header.readUInt32BE(8);
    const { maxObjects } = options.limits;
    if (objects > maxObjects) {
      throw new PeerweaveError('pack-too-large', `The peer sent ${objects} objects; the limit is ${maxObjects}.`);
    }
    const keepPacked = objects >= UNPACK_LIMIT;
    const intake = keepPacked || ready === undefined ? start(git, keepPacked, options) : ready;
    const { code, bytes } = await feed(intake, header, pack, options);
    // index-pack answers 1 for a sound pack that builds on objects outside it.
    if (code !== 0 && !(keepPacked && code === 1)) throw rejection(code, intake);
    return { bytes, objects, selfContained: keepPacked && code === 0 };
  } finally {
    // It has ended, or nothing was fed to it.
    ready?.kill();
    await ready?.exit;
  }
}

/** Starts the `git unpack-objects` that a small pack will want, while it is still on its way: git's start-up takes as long as its work. */
export const startUnpacking = (git: Git, options: IntakeOptions): GitProcess => start(git, false, options);

/** Feeds git the pack and resolves when it has ended. */
async function feed(
  intake: GitProcess,
  header: Buffer,
  pack: AsyncGenerator<Buffer>,
  { limits, progress, signal }: IntakeOptions,
): Promise<{ code: number | null; bytes: number }> {
  intake.child.stderr.on('data', (text: string) => progress.read(text));
  let bytes = 0;
  try {
    const write = async (chunk: Buffer): Promise<void> => {
      bytes += chunk.length;
      if (bytes > limits.maxPackBytes) {
        throw new PeerweaveError(
          'pack-too-large',
          `The peer's pack is larger than the limit of ${limits.maxPackBytes} bytes.`,
        );
      }
      progress.count(chunk.length);
      if (!intake.stdin.write(chunk)) await drained(intake.stdin);
    };
    await write(header);
    for await (const chunk of pack) {
      if (!intake.stdin.writable) break;
      await write(chunk);
    }
    intake.stdin.end();
    const code = await intake.exit;
    throwIfCancelled(signal);
    return { code, bytes };
  } catch (error) {
    intake.kill();
    await intake.exit;
    throw error;
  }
}

function start(git: Git, keepPacked: boolean, { gitDir, staging, limits, signal, whole }: IntakeOptions): GitProcess {
  const args = keepPacked
    ? [
        'index-pack',
        '--stdin',
        // Whatever the repository is configured to: it is read here too (`pack-index.ts`).
        '--index-version=2',
        '--fix-thin',
        STRICT,
        '--check-self-contained-and-connected',
        '-v',
        '--show-resolving-progress',
      ]
    : ['unpack-objects', '-q', STRICT];
  const process = git.start(args, {
    gitDir,
    isolated: true,
    write: true,
    config: [
      // Blobs above this are streamed instead of held in memory.
      'core.bigFileThreshold=1m',
      // Git syncs when it ends, loose objects one after the other; `Staging.sync` does it at once, beside the checks.
      ...(SYNCS_OBJECTS ? ['core.fsync=none'] : []),
    ],
    // Git's own ceiling for one allocation: a delta of a few bytes may claim to expand to gigabytes.
    env: { ...(whole === true ? staging.aloneEnv() : staging.env()), GIT_ALLOC_LIMIT: String(limits.maxObjectBytes) },
    signal,
  });
  process.stdout.resume();
  return process;
}

async function readHeader(pack: AsyncGenerator<Buffer>): Promise<Buffer> {
  let start: Buffer = Buffer.alloc(0);
  while (start.length < HEADER_SIZE) {
    const next = await pack.next();
    if (next.done === true) throw new PeerweaveError('pack-rejected', "The peer's pack ends before it begins.");
    start = Buffer.concat([start, next.value]);
  }
  if (start.toString('latin1', 0, 4) !== 'PACK')
    throw new PeerweaveError('pack-rejected', 'The peer sent something that is no pack.');
  return start;
}

function rejection(code: number | null, intake: GitProcess): PeerweaveError {
  const failure = new GitFailure('index-pack', code, intake.stderr().replace(/[^\n]*\r/g, ''));
  if (failure.reason !== 'internal') return failure;
  if (/attempting to allocate|over limit/.test(failure.stderr)) {
    return new PeerweaveError('pack-too-large', 'The pack holds an object that expands beyond the limit.', {
      cause: failure,
    });
  }
  return new PeerweaveError('pack-rejected', `The peer's objects were refused: ${failure.stderr.trim().slice(-500)}`, {
    cause: failure,
  });
}
