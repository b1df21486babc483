import type { Oid } from '../../shared/ids.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { FileVersion } from '../repo/resolution.ts';
import type { LineOrigin, PeerChanges } from '../repo/peer-changes.ts';
import type { Repository } from '../repo/repository.ts';

/** Answers that are kept: three for each side of each document that is looked at. */
const MAX_KEPT = 1_000;
/** Characters of the texts among them. */
const MAX_KEPT_CHARS = 32_000_000;
/** Milliseconds until git is asked again what it failed at: a peer may have made it slow on purpose. */
const RETRY_MS = 30_000;
/** Characters of a version beyond which it is not compared while somebody types. */
export const MAX_CHARS = 1_000_000;
/** Milliseconds that git gets to tell which commit lines are from; then the tip has to do. */
const ORIGINS_MS = 3_000;

/** What commits have and did, asked of git once: commits never change. */
export class PeerVersions {
  private readonly log: Logger;
  private readonly kept = new Map<string, Promise<unknown>>();
  /** Characters of the texts that are kept, by key. */
  private readonly sizes = new Map<string, number>();

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

  /** Undefined when git failed, which is told in the log and tried again later. */
  private once<T>(parts: readonly string[], ask: () => Promise<T>): Promise<T | undefined> {
    const key = parts.join('\0');
    const known = this.kept.get(key) as Promise<T | undefined> | undefined;
    const answer = known ?? this.ask(key, ask);
    // The one that was used last is let go last.
    this.kept.delete(key);
    this.kept.set(key, answer);
    this.evict();
    return answer;
  }

  private async ask<T>(key: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await ask();
      if (typeof answer === 'string' && this.kept.has(key)) this.sizes.set(key, answer.length);
      this.evict();
      return answer;
    } catch (error) {
      this.log.debug(`Something of a peer's could not be looked at: ${messageOf(error)}`);
      setTimeout(() => this.forget(key), RETRY_MS).unref();
      return undefined;
    }
  }

  private evict(): void {
    let chars = [...this.sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const key of this.kept.keys()) {
      if (this.kept.size <= MAX_KEPT && chars <= MAX_KEPT_CHARS) return;
      chars -= this.sizes.get(key) ?? 0;
      this.forget(key);
    }
  }

  private forget(key: string): void {
    this.kept.delete(key);
    this.sizes.delete(key);
  }
}

function shortened(version: FileVersion | null): string | null {
  if (version?.kind !== 'text' || version.text === undefined || version.text.length > MAX_CHARS) return null;
  return version.text.replace(/^\ufeff/, '');
}
