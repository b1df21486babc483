import type { Oid } from '../../shared/ids.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { FileVersion } from '../repo/resolution.ts';
import type { LineOrigin, PeerChanges } from '../repo/peer-changes.ts';
import type { Repository } from '../repo/repository.ts';

/** Answers that are kept; the texts among them are what takes room, and each is bounded by `MAX_CHARS`. */
const MAX_KEPT = 100;
/** Characters of a version beyond which it is not compared while somebody types. */
export const MAX_CHARS = 1_000_000;
/** Milliseconds that git gets to tell which commit lines are from; then the tip has to do. */
const ORIGINS_MS = 3_000;

/** What commits have and did, asked of git once: commits never change. */
export class PeerVersions {
  private readonly log: Logger;
  private readonly kept = new Map<string, Promise<unknown>>();

  constructor(log: Logger) {
    this.log = log;
  }

  /** What a diverged commit changed of our files. */
  changes(repository: Repository, ours: Oid, theirs: Oid): Promise<PeerChanges | undefined> {
    const key = ['changes', repository.info.gitDir, ours, theirs];
    return this.once(key, () => repository.peerChanges({ ours, theirs }));
  }

  /** A file's text as a commit has it, without a byte order mark; null for what is no text, or too much of it. */
  async text(repository: Repository, commit: Oid, path: string): Promise<string | null> {
    const key = ['text', repository.info.gitDir, commit, path];
    const version = await this.once(key, async () => shortened(await repository.fileAt(commit, path)));
    return version ?? null;
  }

  /** Which commits after `base` the lines of a file are from; empty when git does not say in time. */
  async origins(repository: Repository, file: { base: Oid; tip: Oid; path: string }): Promise<readonly LineOrigin[]> {
    const key = ['origins', repository.info.gitDir, file.base, file.tip, file.path];
    const signal = AbortSignal.timeout(ORIGINS_MS);
    return (await this.once(key, () => repository.lineOrigins({ ...file, signal }))) ?? [];
  }

  /** Undefined when git failed, which is told in the log and tried again the next time. */
  private async once<T>(parts: readonly string[], ask: () => Promise<T>): Promise<T | undefined> {
    const key = parts.join('\0');
    const known = this.kept.get(key) as Promise<T> | undefined;
    const answer = known ?? ask();
    // The one that was used last is let go last.
    this.kept.delete(key);
    this.kept.set(key, answer);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= MAX_KEPT) break;
      this.kept.delete(oldest);
    }
    try {
      return await answer;
    } catch (error) {
      if (this.kept.get(key) === answer) this.kept.delete(key);
      this.log.debug(`No prompts for ${parts.at(-1) ?? ''}: ${messageOf(error)}`);
      return undefined;
    }
  }
}

function shortened(version: FileVersion | null): string | null {
  if (version?.kind !== 'text' || version.text === undefined || version.text.length > MAX_CHARS) return null;
  return version.text.replace(/^\ufeff/, '');
}
