import { Emitter } from '../shared/events.ts';
import type { Disposable } from '../shared/disposable.ts';
import type { SessionView } from '../rpc/model.ts';
import { INITIAL_STATE, sessionsOf, type ViewState } from './view-state.ts';

/** The one place that views, context keys and commands read from (ED2). Whoever learns something new calls `update`. */
export class SessionModel implements Disposable {
  private current: ViewState = INITIAL_STATE;
  private readonly changed = new Emitter<ViewState>();

  /** Fires with the new state after every update. */
  readonly onDidChange = this.changed.event;

  get state(): ViewState {
    return this.current;
  }

  get sessions(): readonly SessionView[] {
    return sessionsOf(this.current);
  }

  /** The session of a repository or of a folder being joined. */
  session(repo: string): SessionView | undefined {
    return this.sessions.find((session) => session.repo === repo);
  }

  update(part: Partial<ViewState>): void {
    this.current = { ...this.current, ...part };
    this.changed.fire(this.current);
  }

  dispose(): void {
    this.changed.dispose();
  }
}
