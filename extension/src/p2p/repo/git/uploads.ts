import type { Duplex } from 'node:stream';
import type { Disposable } from '../../../shared/disposable.ts';
import type { CloneAidOptions } from './clone-aid.ts';
import { CloneAids } from './clone-aids.ts';
import type { GitProcess } from './git.ts';
import type { RefReader } from './ref-reader.ts';
import { serveUploadPack, startUploadPack, type UploadPackOptions } from './serve.ts';
import { UploadPackReserve } from './upload-pack-reserve.ts';

interface UploadsOptions extends Omit<CloneAidOptions, 'home'> {
  readonly refs: RefReader;
}

/** What peers fetch from a repository, and what is made ready for them. */
export class Uploads implements Disposable {
  private readonly options: UploadsOptions;
  private readonly reserve = new UploadPackReserve();
  private readonly aids: CloneAids;
  /** Guests who are getting their first look now. */
  private tips = 0;
  private disposed = false;

  constructor(options: UploadsOptions) {
    this.options = options;
    this.aids = new CloneAids(options);
  }

  /** As `Repository.serve` says. */
  async serve(stream: Duplex, tipOnly: boolean, signal: AbortSignal): Promise<void> {
    const run = async (options: Omit<UploadPackOptions, 'hideHead'>, waiting?: GitProcess): Promise<void> => {
      const start = waiting === undefined ? await this.prepare(options) : () => waiting;
      await serveUploadPack(start(), stream, signal);
    };
    if (tipOnly) {
      this.tips += 1;
      return this.aids.use('tip', (env) => run({ tipOnly, env })).finally(() => (this.tips -= 1));
    }
    // Whoever asks for more than a tip meanwhile clones.
    if (this.tips > 0) return this.aids.use('history', (env) => run({ behind: true, env }));
    return run({}, this.reserve.take());
  }

  /** As `Repository.expectFetches` says. */
  async expectFetches(peers: number): Promise<void> {
    const start = await this.prepare({});
    if (!this.disposed) this.reserve.expect(peers, start);
  }

  /** As `Repository.expectClones` says. */
  expectClones(): void {
    this.aids.expect();
  }

  /** Refs, HEAD or an index may have changed. */
  changed(): void {
    this.aids.changed();
  }

  dispose(): void {
    this.disposed = true;
    this.reserve.dispose();
    this.aids.dispose();
  }

  private async prepare(options: Omit<UploadPackOptions, 'hideHead'>): Promise<() => GitProcess> {
    const { git, gitDir, refs } = this.options;
    const hideHead = (await refs.head(gitDir)) === undefined;
    return () => startUploadPack(git, gitDir, { ...options, hideHead });
  }
}
