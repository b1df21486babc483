import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PeerweaveError } from '../../../shared/errors.ts';
import { GitFailure } from './git-failure.ts';
import { throwIfCancelled, type Git, type GitProcess } from './git.ts';
import { stepBack } from './step-back.ts';

/**
 * What a peer may see and ask for. Protocol v0 (no GIT_PROTOCOL) refuses ids that no visible ref reaches, where v2 serves any
 * object to whoever knows its id; the settings close the doors that a repository's own configuration may have opened.
 */
const SERVE_CONFIG = [
  'transfer.hideRefs=refs/',
  'transfer.hideRefs=!refs/heads/',
  'transfer.hideRefs=!refs/tags/',
  'uploadpack.allowAnySHA1InWant=false',
  'uploadpack.allowReachableSHA1InWant=false',
  'uploadpack.allowTipSHA1InWant=false',
  'uploadpack.allowFilter=false',
  'uploadpack.allowRefInWant=false',
  'protocol.version=0',
  // Files this large are media and archives: looking for deltas between 25 MB ones took 55 s of CPU and 630 MB for 400 MB of
  // them, against 10 s and 36 MB without.
  'core.bigFileThreshold=16m',
];

/** Seconds without a byte from the peer after which git gives up. */
const IDLE_TIMEOUT_S = 120;

/**
 * For a guest's first look at the tip, which has no history to save bytes against: without a search for deltas and with the
 * fastest compression a stock clone of depth 1 took 0.67 s instead of 1.25 s for 26.7 MB instead of 26.2 MB (a 139 MB repository).
 */
const TIP_CONFIG = ['pack.window=0', 'pack.compression=1'];

/** Of a history, while a tip is served that somebody waits for. */
const BEHIND_PRIORITY = 5;

export interface UploadPackOptions {
  /** The peer wants one commit without its history, soon. */
  readonly tipOnly?: boolean;
  /** Others are served something more urgent. */
  readonly behind?: boolean;
  /** Of an aid for clones (`clone-aids.ts`). */
  readonly env?: Readonly<Record<string, string>>;
  /** A detached HEAD would advertise a commit that no branch shares. */
  readonly hideHead: boolean;
}

/** Starts git; it says what it has and waits for wants. */
export function startUploadPack(
  git: Git,
  gitDir: string,
  { tipOnly, behind, env, hideHead }: UploadPackOptions,
): GitProcess {
  return git.start(['upload-pack', '--strict', `--timeout=${IDLE_TIMEOUT_S}`, gitDir], {
    isolated: true,
    ...(behind === true ? { onStart: (pid) => stepBack(pid, BEHIND_PRIORITY) } : {}),
    ...(env === undefined ? {} : { env }),
    config: [...(hideHead ? ['transfer.hideRefs=HEAD'] : []), ...SERVE_CONFIG, ...(tipOnly === true ? TIP_CONFIG : [])],
  });
}

/**
 * Connects the stream to an `upload-pack` until the peer is done. Throws `PeerweaveError` with `cancelled`, `link-lost` when the
 * stream died, or what git failed with.
 */
export async function serveUploadPack(upload: GitProcess, stream: Duplex, signal: AbortSignal): Promise<void> {
  const onClose = (): void => {
    if (!stream.writableFinished) upload.kill();
  };
  stream.once('close', onClose);
  const onAbort = (): void => {
    upload.kill();
    stream.destroy();
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  // `pipe`, not `pipeline`: git may close its stdin while its last output is still on the way, which must not destroy the stream.
  stream.pipe(upload.stdin);
  try {
    await pipeline(upload.stdout, stream);
    const code = await upload.exit;
    throwIfCancelled(signal);
    if (code !== 0) throw new GitFailure('upload-pack', code, upload.stderr());
    // What the peer still says is read to its end, so that the stream closes. Had git's input to close first, that would pause it again.
    stream.unpipe(upload.stdin);
    stream.resume();
  } catch (error) {
    upload.kill();
    stream.destroy();
    await upload.exit;
    throwIfCancelled(signal);
    if (error instanceof PeerweaveError) throw error;
    throw new PeerweaveError('link-lost', 'The peer went away while it was fetching.', { cause: error });
  } finally {
    stream.off('close', onClose);
    signal.removeEventListener('abort', onAbort);
  }
}
