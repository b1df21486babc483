import type { Disposable } from '../../../shared/disposable.ts';
import type { CloneAid } from './clone-aid.ts';
import { CloneBitmap, type CloneBitmapOptions } from './clone-bitmap.ts';
import { TipObjects, type TipObjectsOptions } from './tip-objects.ts';

/** Milliseconds without a change of refs after which it is looked whether what was made still fits. */
const QUIET_MS = 30_000;

interface CloneAidsOptions extends CloneBitmapOptions, TipObjectsOptions {
  readonly quietMs?: number;
}

/** What makes serving clones cheaper: kept up to date for as long as somebody may want to clone. */
export class CloneAids implements Disposable {
  private readonly tip: CloneAid;
  private readonly history: CloneAid;
  private readonly quietMs: number;
  private expected = false;
  private inUse = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: CloneAidsOptions) {
    this.tip = new TipObjects(options);
    this.history = new CloneBitmap(options);
    this.quietMs = options.quietMs ?? QUIET_MS;
  }

  /** Somebody may want to clone from now on. */
  expect(): void {
    this.expected = true;
    void this.make();
  }

  /** Refs have changed, and maybe packs. */
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
  }

  private async make(): Promise<void> {
    // The tip's first: that is what a guest waits for.
    for (const aid of [this.tip, this.history]) {
      if (this.inUse > 0) return this.changed();
      await aid.make();
    }
  }
}
