import { showFailure } from './failure.ts';
import type { Services } from './services.ts';
import { engineSettings } from './settings.ts';
import type { Disposable } from './shared/disposable.ts';
import { isLive } from './views/view-state.ts';

/** Brings sessions back: those that an open folder had before a reload (SE9), and those that a crashed engine had (ED6). */
export class SessionResumer implements Disposable {
  private readonly services: Services;
  private readonly listeners: Disposable[];
  /** Repositories whose session is live, or was when the engine went. */
  private readonly live = new Set<string>();
  /** A folder is resumed by itself once; after a leave its stored session is gone, after a failure the user decides. */
  private readonly tried = new Set<string>();

  constructor(services: Services) {
    this.services = services;
    const { engine } = services;
    this.listeners = [
      engine.onDidChangeState(({ sessions }) => {
        this.live.clear();
        for (const session of sessions) if (isLive(session)) this.live.add(session.repo);
      }),
      engine.onDidRestart(() => void Promise.all([...this.live].map((repo) => this.resume(repo)))),
    ];
  }

  /** Resumes what the open folders hold and this window has not tried yet. */
  resumeFolders(): void {
    const { trusted, folders } = this.services.model.state;
    if (!trusted) return;
    for (const folder of folders) {
      if (folder.kind !== 'ready' || !folder.resumable || this.tried.has(folder.root)) continue;
      if (this.services.model.session(folder.root) === undefined) void this.resume(folder.root);
    }
  }

  private async resume(repo: string): Promise<void> {
    this.tried.add(repo);
    try {
      await this.services.engine.request('peerweave/resume', { repo, settings: await engineSettings() });
    } catch (error) {
      const again = await showFailure(this.services.log, 'Could not resume the session', error, 'Try Again');
      if (again !== undefined) await this.resume(repo);
    }
  }

  dispose(): void {
    for (const listener of this.listeners) listener.dispose();
  }
}
