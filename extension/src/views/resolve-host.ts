import type { Request } from '../engineClient.ts';
import type { ConflictDetail, ConflictTarget } from '../rpc/conflicts.ts';
import type { ConflictView, SessionView } from '../rpc/model.ts';
import { asPeerweaveError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import { mergeMessage } from './merge-message.ts';
import { isEmpty, type DraftStore } from './resolve-drafts.ts';
import { fromPage, type FromPage, type ToPage } from './resolve-messages.ts';
import { isLive } from './view-state.ts';

export interface ResolutionPorts {
  /** The session as it is now; undefined while there is none. */
  readonly session: () => SessionView | undefined;
  readonly request: Request;
  readonly send: (message: ToPage) => void;
  readonly drafts: DraftStore;
  /** The editor's own comparison of a file. */
  readonly compare: (target: ConflictTarget) => Promise<void>;
  /** Asks whether what was decided is to be thrown away. */
  readonly confirmDiscard: () => Promise<boolean>;
  /** Asks whether files that run code on open may come along (SY6); `why` names them. */
  readonly confirmReview: (why: string) => Promise<boolean>;
  readonly close: () => void;
  readonly log: Pick<Logger, 'warn'>;
}

/**
 * What one resolution page talks to. It writes nothing of the user's: everything is decided in the page, kept as a draft at each step, and
 * handed to the engine whole on *Finish*, which does all of it or nothing (CO6).
 */
export class ResolutionHost {
  private readonly repo: string;
  private readonly branch: string;
  private readonly ports: ResolutionPorts;
  private detail: ConflictDetail | undefined;
  /** Of the view that the page was last told of. */
  private shown: string | undefined;
  /** The conflict has been seen in the session as it runs now: only then its absence says that it is settled. */
  private seen = false;
  private finishing = false;
  private settled = false;
  private listening = false;
  /** A later one makes the answers of earlier ones stale. */
  private loads = 0;
  private draftTooLarge = false;
  private waitsFor: string | undefined;
  /** The others know that somebody is at it here. */
  private told = false;

  constructor({ repo, branch }: { readonly repo: string; readonly branch: string }, ports: ResolutionPorts) {
    this.repo = repo;
    this.branch = branch;
    this.ports = ports;
  }

  /** What the page said, whatever it is. Never throws: what does not work is said in the page. */
  async handle(said: unknown): Promise<void> {
    const message = fromPage.safeParse(said);
    if (!message.success) {
      this.ports.log.warn(`The resolution page sent what is not in its contract: ${message.error.message}`);
      this.fail('The page sent something that the editor does not understand. Nothing was changed. Reopen the page.');
      return;
    }
    try {
      await this.act(message.data);
    } catch (error) {
      this.failWith(error);
    }
  }

  /** The session changed, or there is another or none: it was left, or the engine starts again. */
  sessionChanged(): void {
    const session = this.ports.session();
    if (session === undefined || !isLive(session)) {
      this.seen = false;
      this.shown = undefined;
      // An engine that starts again has not heard of it.
      this.told = false;
      return;
    }
    const conflict = divergence(session, this.branch);
    if (conflict === undefined) {
      if (this.seen) this.settledElsewhere();
      else if (this.detail === undefined) this.wait(`As far as is known here, ${this.branch} is in no conflict now.`);
      return;
    }
    // A session that has not heard yet what was done about this very conflict.
    if (this.settled && sortedTips(conflict.candidates.map(({ oid }) => oid)) === tipsOf(this.detail)) return;
    this.seen = true;
    if (this.listening && !this.finishing && this.shown !== digest(conflict)) void this.load(conflict);
  }

  /** The page is gone; the others need not wait for whoever looked at it. */
  dispose(): void {
    this.tellResolving(false);
  }

  private async act(message: FromPage): Promise<void> {
    switch (message.type) {
      case 'ready':
        return this.begin();
      case 'file':
        return this.sendFile(message.path, message.theirs);
      case 'draft':
        return this.keep(message.draft);
      case 'finish':
        return this.finish(message);
      case 'cancel':
        return this.cancel();
      case 'compare':
        return this.ports.compare({ repo: this.repo, branch: this.branch, tip: message.theirs, path: message.path });
    }
  }

  /** A page that listens anew, as after a reload of the window, is told everything. */
  private begin(): void {
    const session = this.ports.session();
    this.listening = true;
    this.shown = undefined;
    this.waitsFor = undefined;
    if (session !== undefined && isLive(session)) this.sessionChanged();
    else this.wait('Waiting for the session of this repository. What you decided before is kept.');
  }

  private wait(message: string): void {
    if (!this.listening || this.waitsFor === message) return;
    this.waitsFor = message;
    this.ports.send({ type: 'waiting', message });
  }

  private async load(conflict: ConflictView): Promise<void> {
    this.shown = digest(conflict);
    const load = ++this.loads;
    const { repo, branch } = this;
    try {
      const detail = await this.ports.request('peerweave/conflict', { repo, branch });
      if (load !== this.loads) return;
      this.detail = detail;
      this.settled = false;
      const draft = this.ports.drafts.get(repo, branch);
      this.ports.send({ type: 'conflict', repo, detail, draft, proposedMessage: mergeMessage(detail) });
      this.tellResolving(true);
    } catch (error) {
      // It may have been settled while it was asked for; the next change of the session tells.
      if (load === this.loads && !this.settled) this.failWith(error);
    }
  }

  private async sendFile(path: string, theirs: string): Promise<void> {
    const asked = this.detail;
    const { repo, branch } = this;
    try {
      const file = await this.ports.request('peerweave/conflictFile', { repo, branch, path, theirs });
      // A branch that moved meanwhile has other versions: the page asks again for what it then shows.
      if (tipsOf(asked) === tipsOf(this.detail)) this.ports.send({ type: 'file', theirs, file });
    } catch (error) {
      if (tipsOf(asked) !== tipsOf(this.detail) || this.settled) return;
      this.fail(asPeerweaveError(error).message, { path, theirs });
    }
  }

  private keep(draft: Extract<FromPage, { type: 'draft' }>['draft']): void {
    if (this.settled) return;
    const kept = this.ports.drafts.set(this.repo, this.branch, draft);
    if (!kept && !this.draftTooLarge) {
      this.fail('This is too much to be kept when the window closes. Finish before you close it.');
    }
    this.draftTooLarge = !kept;
  }

  private async finish(said: FinishMessage): Promise<void> {
    if (this.finishing || this.settled) return;
    this.finishing = true;
    try {
      const commit = await this.settle(said);
      const which = commit === null ? '' : ` in ${commit.slice(0, 8)}`;
      this.end(`${this.branch} is merged${which}. The others fast-forward to it. Undo Last Sync takes it back.`);
    } catch (error) {
      this.failWith(error);
    }
    this.finishing = false;
    // What changed while it was at work was not looked at.
    this.sessionChanged();
  }

  private async settle({ tips, files, message }: FinishMessage): Promise<string | null> {
    const { repo, branch } = this;
    const resolution = { how: 'merge', files, message } as const;
    const attempt = async (reviewed: boolean): Promise<string | null> =>
      (await this.ports.request('peerweave/resolve', { repo, branch, tips, resolution, reviewed })).commit;
    try {
      return await attempt(false);
    } catch (error) {
      const { reason, message: why } = asPeerweaveError(error);
      if (reason !== 'review-needed' || !(await this.ports.confirmReview(why))) throw error;
      return attempt(true);
    }
  }

  private settledElsewhere(): void {
    if (this.finishing || this.settled) return;
    if (!this.listening) {
      this.ports.drafts.remove(this.repo, this.branch);
      return;
    }
    this.end(`${this.branch} was settled elsewhere. This page has changed nothing.`);
  }

  private end(message: string): void {
    this.settled = true;
    this.seen = false;
    this.loads += 1;
    this.ports.drafts.remove(this.repo, this.branch);
    this.tellResolving(false);
    this.ports.send({ type: 'settled', message });
  }

  private async cancel(): Promise<void> {
    const draft = this.ports.drafts.get(this.repo, this.branch);
    const decided = !this.settled && draft !== undefined && !isEmpty(draft);
    if (decided && !(await this.ports.confirmDiscard())) return;
    this.ports.drafts.remove(this.repo, this.branch);
    this.ports.close();
  }

  private tellResolving(active: boolean): void {
    if (this.told === active) return;
    this.told = active;
    const { repo, branch } = this;
    // Courtesy to the others: a session that ended meanwhile has nobody to tell.
    this.ports.request('peerweave/resolving', { repo, branch, active }).catch((error: unknown) => {
      this.ports.log.warn(`The others were not told who resolves ${branch}: ${asPeerweaveError(error).message}`);
    });
  }

  private failWith(error: unknown): void {
    this.fail(asPeerweaveError(error).message);
  }

  private fail(message: string, about: { path?: string; theirs?: string } = {}): void {
    this.ports.send({ type: 'failed', message, ...about });
  }
}

type FinishMessage = Extract<FromPage, { type: 'finish' }>;

/** The conflict of a branch that went different ways; what a peer deleted or rewound needs no merge. */
export const divergence = ({ conflicts }: SessionView, branch: string): ConflictView | undefined =>
  conflicts.find((conflict) => conflict.kind === 'diverged' && conflict.branch === branch);

/** All of the view that the page shows. */
const digest = ({ candidates, resolving }: ConflictView): string =>
  JSON.stringify([candidates.map(({ oid, owners }) => [oid, owners]), resolving.map(({ name }) => name)]);

const sortedTips = (tips: readonly string[]): string => [...tips].sort().join();

const tipsOf = (detail: ConflictDetail | undefined): string => sortedTips(detail?.sides.map(({ tip }) => tip) ?? []);
