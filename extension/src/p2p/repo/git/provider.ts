import { mkdir } from 'node:fs/promises';
import { silentLogger, type Logger } from '../../../shared/log.ts';
import type { CloneRequest, FolderState, Repository, RepositoryProvider } from '../repository.ts';
import { sweepCloneAids } from './clone-aids.ts';
import { isVacant } from './clone-folder.ts';
import { clone, completeClone, type Cloned } from './clone.ts';
import { Git } from './git.ts';
import { requireGit } from './git-version.ts';
import { inspect, unusableError } from './inspect.ts';
import { ActivityLog } from './activity-log.ts';
import { recoverMoves } from './recover.ts';
import { createRefReader } from './ref-reader.ts';
import { sweepStaging } from './staging.ts';
import { sweepOwnLocks } from './sweep-own-locks.ts';
import { SystemRepository } from './system-repository.ts';

export interface SystemGitOptions {
  readonly log?: Logger;
  /** Path of the git executable; `git` on the PATH by default. */
  readonly git?: string;
}

/** Repositories by way of the git that is installed. */
export class SystemGitProvider implements RepositoryProvider {
  private readonly git: Git;
  private readonly log: Logger;
  private checked: Promise<void> | undefined;

  constructor(options: SystemGitOptions = {}) {
    this.git = new Git(options.git);
    this.log = options.log ?? silentLogger;
  }

  async inspect(directory: string): Promise<FolderState> {
    await this.ready();
    const state = await inspect(this.git, directory);
    return state.kind === 'repository' ? { kind: state.kind, info: state.info } : state;
  }

  open(directory: string): Promise<Repository> {
    return this.openKnown(directory, {});
  }

  private async openKnown(directory: string, { roots }: Cloned): Promise<Repository> {
    await this.ready();
    const state = await inspect(this.git, directory, roots);
    if (state.kind !== 'repository') throw unusableError(state, directory);
    const { info, traits } = state;
    const { gitDir } = info;
    await sweepStaging(gitDir, this.log);
    await sweepCloneAids(gitDir, this.log);
    await sweepOwnLocks(gitDir, this.log);
    const refs = createRefReader(this.git, gitDir, traits.refFormat);
    const activity = new ActivityLog(gitDir, this.log);
    await recoverMoves({ git: this.git, gitDir, refs, log: this.log }, activity);
    void activity.prune(Date.now());
    return new SystemRepository({ git: this.git, info, traits, activity, log: this.log });
  }

  async init(directory: string): Promise<Repository> {
    await this.ready();
    await mkdir(directory, { recursive: true });
    await this.git.run(['init', '--quiet', directory], { write: true });
    return this.open(directory);
  }

  async isVacant(directory: string): Promise<boolean> {
    await this.ready();
    return isVacant(this.git, directory);
  }

  async clone(request: CloneRequest): Promise<Repository> {
    await this.ready();
    return this.openKnown(request.directory, await clone({ git: this.git, log: this.log }, request));
  }

  async completeClone(request: CloneRequest): Promise<Repository> {
    await this.ready();
    return this.openKnown(request.directory, await completeClone({ git: this.git, log: this.log }, request));
  }

  /** Git is looked for once; a failure is looked at again the next time, after the person installed it. */
  private ready(): Promise<void> {
    this.checked ??= requireGit(this.git).catch((error: unknown) => {
      this.checked = undefined;
      throw error;
    });
    return this.checked;
  }
}
