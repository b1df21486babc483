import { PeerweaveError, type Reason } from '../../../shared/errors.ts';

/** What git prints (in LC_ALL=C) for failures that a person can do something about. The only place that reads git's words. */
const KNOWN: readonly { readonly pattern: RegExp; readonly reason: Reason; readonly advice: string }[] = [
  {
    // The last two are all that git says where it could not write to a file that it had just made.
    pattern:
      /No space left on device|Disk quota exceeded|Out of diskspace|couldn't write '[^']*\.lock'|unable to write file /,
    reason: 'disk-full',
    advice: 'The disk is full. Free some space, and try again; a sync is tried again by itself.',
  },
  {
    pattern: /Unable to create '[^']*\.lock': File exists|could not lock (?:config file|'[^']*')[^\n]*File exists/,
    reason: 'repository-locked',
    advice: 'Another git process has the repository locked. Wait for it, or remove the lock if it crashed.',
  },
  {
    pattern: /detected dubious ownership/,
    reason: 'repository-unsupported',
    advice:
      'The repository belongs to another user. Run the `git config --global --add safe.directory` that git suggests.',
  },
  {
    pattern: /unknown repository extension|Expected git repo version/,
    reason: 'repository-unsupported',
    advice: 'The repository uses a format that this git does not know. Install a newer git.',
  },
];

/** Git exited with an error. `reason` is `internal` unless git's message is one that we know advice for. */
export class GitFailure extends PeerweaveError {
  readonly code: number | null;
  readonly stderr: string;

  constructor(command: string, code: number | null, stderr: string) {
    const known = KNOWN.find(({ pattern }) => pattern.test(stderr));
    const detail = stderr.trim().slice(-1000);
    super(
      known?.reason ?? 'internal',
      known ? `${known.advice} (git ${command}: ${detail})` : `git ${command} failed (${code ?? 'killed'}): ${detail}`,
    );
    this.code = code;
    this.stderr = stderr;
  }
}

/** The same advice for an error of Node's own file calls. */
export function asFileFailure(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new PeerweaveError(
    'disk-full',
    'The disk is full. Free some space, and try again; a sync is tried again by itself.',
    {
      cause: error,
    },
  );
}

/** The path of the lock that git complained about; undefined for any other failure. */
export const lockIn = (stderr: string): string | undefined =>
  /Unable to create '([^']*\.lock)': File exists/.exec(stderr)?.[1];
