import { PeerweaveError } from '../../../shared/errors.ts';
import type { Git } from './git.ts';

/** `git merge-tree --write-tree` and streaming unpack-objects came with 2.38. */
const MINIMUM: readonly [number, number] = [2, 38];

/** `git version 2.39.5 (Apple Git-154)` → `[2, 39]`; undefined when it reads otherwise. */
export function parseGitVersion(output: string): readonly [number, number] | undefined {
  const match = /^git version (\d+)\.(\d+)/.exec(output);
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

export const isSupportedVersion = ([major, minor]: readonly [number, number]): boolean =>
  major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);

/** Throws `PeerweaveError` with `git-missing` or `git-too-old`. */
export async function requireGit(git: Git): Promise<void> {
  const { stdout } = await git.run(['version']);
  const version = parseGitVersion(stdout);
  if (version !== undefined && isSupportedVersion(version)) return;
  throw new PeerweaveError(
    'git-too-old',
    `Peerweave needs git ${MINIMUM.join('.')} or newer; this is ${stdout.trim()}. Install a newer git or set its path.`,
  );
}
