import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Disposable } from '../../../shared/disposable.ts';
import { messageOf } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { CloneAid } from './clone-aid.ts';
import { CloneBitmap, type CloneBitmapOptions } from './clone-bitmap.ts';
import { processFolder, sweepProcessFolders } from './process-folders.ts';
import { TipObjects, type TipObjectsOptions } from './tip-objects.ts';

/** Milliseconds without a change of refs after which it is looked whether what was made still fits. */
const QUIET_MS = 30_000;

interface CloneAidsOptions extends Omit<CloneBitmapOptions & TipObjectsOptions, 'home'> {
  readonly quietMs?: number;
}

/** What makes serving clones cheaper: kept up to date for as long as somebody may want to clone. */
export class CloneAids implements Disposable {
  private readonly tip: CloneAid;
  private readonly history: CloneAid;
  private readonly home: string;
  private readonly log: Logger;
  private readonly quietMs: number;
  private expected = false;
  private inUse = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: CloneAidsOptions) {
    this.home = processFolder(aidsRoot(options.gitDir));
    this.log = options.log;
    this.tip = new TipObjects({ ...options, home: this.home });
    this.history = new CloneBitmap({ ...options, home: this.home });
    this.quietMs = options.quietMs ?? QUIET_MS;
  }

  /** Somebody may want to clone from now on. */
  expect(): void {
    this.expected = true;
    void this.make();
  }

  /** Refs, HEAD or an index may have changed, and packs with them. */
  changed(): void {
    if (!this.expected) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.make(), this.quietMs);
    this.timer.unref();
  }

  /** Serves with what there is for it. Nothing is replaced meanwhile. */
  async use<T>(what: 'tip' | 'history', serve: (env: Record<string, string>) => Promise<T>): Promise<T> {
    this.inUse += 1;
    try {
      return await serve(await this[what].env());
    } finally {
      this.inUse -= 1;
    }
  }

  dispose(): void {
    this.expected = false;
    clearTimeout(this.timer);
    this.tip.dispose();
    this.history.dispose();
    try {
      rmSync(this.home, { recursive: true, force: true, maxRetries: 3 });
    } catch (error) {
      // In use by a git that is about to end, or on Windows. The next engine to open the repository sweeps it away.
      this.log.info(`${this.home} stays for now: ${messageOf(error)}`);
    }
  }

  private async make(): Promise<void> {
    // The tip's first: that is what a guest waits for.
    for (const aid of [this.tip, this.history]) {
      if (this.inUse > 0) return this.changed();
      await aid.make();
    }
  }
}

/** Removes what engines left that crashed or were ended. Never throws. */
export const sweepCloneAids = (gitDir: string, log: Logger): Promise<void> =>
  sweepProcessFolders(aidsRoot(gitDir), log);

const aidsRoot = (gitDir: string): string => join(gitDir, 'peerweave', 'aids');
