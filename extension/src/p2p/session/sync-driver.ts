import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import { DisposableStore, disposable, type Disposable } from '../../shared/disposable.ts';
import type { Logger } from '../../shared/log.ts';
import type { BranchName, PeerId, RefName } from '../../shared/ids.ts';
import type { Link } from '../link/link.ts';
import type { MoveRefusal, RefMove, Repository, RefSnapshot, TransferProgress } from '../repo/repository.ts';
import type { SyncCore } from '../sync/sync-core.ts';
import type { Pair, Refs, SyncEffect, SyncEvent } from '../sync/model.ts';
import { describeRefusal } from './refusal-text.ts';
import { keepSides, mergeSides, type SettleContext } from './settle-effects.ts';
import { UPLOAD_PACK_COMMANDS } from './upload-pack.ts';

/** What the driver needs of the session around it. */
export interface SyncHost {
  readonly log: Logger;
  /** The live, admitted link to a member. */
  link(peer: PeerId): Link | undefined;
  /** The peer's folder under `refs/remotes/peers/`. */
  namespace(peer: PeerId): string;
  nameOf(peer: PeerId): string;
  /** Signs a manifest and sends it to everybody; resolves when it is on its way. */
  announce(refs: Refs, head: BranchName | undefined): Promise<void>;
  /** Sends the newest manifest to one member. */
  greet(peer: PeerId): void;
  persist(): void;
  refsMoved(moves: readonly RefMove[], by: PeerId): void;
  synced(peer: PeerId): void;
  progress(peer: PeerId, progress: TransferProgress | undefined): void;
  syncFailed(peer: PeerId, error: PeerweaveError): void;
  /** Anything that a view shows may have changed. */
  changed(): void;
}

/** Performs the effects of the pure core on the real repository and the real links, and feeds back what came of them. */
export class SyncDriver implements Disposable {
  private readonly core: SyncCore;
  private readonly repository: Repository;
  private readonly host: SyncHost;
  private readonly resources = new DisposableStore();
  private readonly stopped = new AbortController();
  private readonly fetches = new Map<PeerId, AbortController>();
  private readonly idleWaiters = new Set<() => void>();
  private wakeTimer: NodeJS.Timeout | undefined;
  /** The move of each branch that is out. */
  private readonly moving = new Map<BranchName, AbortController>();
  /** Ref moves run one after another: they share the index of a worktree. */
  private moves: Promise<void> = Promise.resolve();
  private announcing: Promise<void> = Promise.resolve();
  private pendingEffects = 0;
  private reading: Promise<void> | undefined;
  private readAgain = false;
  private snapshot: RefSnapshot | undefined;

  constructor(core: SyncCore, repository: Repository, host: SyncHost) {
    this.core = core;
    this.repository = repository;
    this.host = host;
    this.resources.add(disposable(() => this.stopped.abort()));
    this.resources.add(disposable(() => clearTimeout(this.wakeTimer)));
  }

  /** The refs as last read. */
  get current(): RefSnapshot | undefined {
    return this.snapshot;
  }

  async start(): Promise<void> {
    await this.refresh();
    this.resources.add(
      this.repository.watch(() => {
        void this.refresh().then(() => this.handle({ type: 'worktree-changed' }));
      }),
    );
  }

  handle(event: SyncEvent): void {
    if (this.stopped.signal.aborted) return;
    for (const effect of this.core.handle(event)) this.perform(effect);
    this.host.changed();
    this.settleIdle();
  }

  /** Cancels what is being fetched from a peer whose link went away for good. */
  cancelFetch(peer: PeerId): void {
    this.fetches.get(peer)?.abort();
  }

  /** Reads the refs and tells the core; reads that are asked for meanwhile are folded into one more. */
  refresh(): Promise<void> {
    this.readAgain = true;
    this.reading ??= this.read();
    return this.reading;
  }

  /** Resolves when everything that is to be announced so far is on its way. */
  async announced(): Promise<void> {
    await this.announcing;
  }

  /** Resolves when no effect is under way. */
  async idle(): Promise<void> {
    if (this.pendingEffects === 0) return;
    await new Promise<void>((resolve) => this.idleWaiters.add(resolve));
  }

  /**
   * Starts nothing more and cancels what can be; resolves when what is under way has come to its end (a move of a branch must), or
   * after `patienceMs` at the latest.
   */
  async stop(patienceMs: number): Promise<void> {
    this.resources.dispose();
    const timer = setTimeout(() => this.settleIdle(true), patienceMs);
    await this.idle();
    clearTimeout(timer);
  }

  dispose(): void {
    this.resources.dispose();
    this.settleIdle(true);
  }

  private perform(effect: SyncEffect): void {
    switch (effect.type) {
      case 'announce':
        return this.run(() => (this.announcing = this.host.announce(effect.refs, effect.head)));
      case 'greet':
        return this.host.greet(effect.peer);
      case 'fetch':
        return this.run(() => this.fetch(effect));
      case 'relate':
        return this.run(() => this.relate(effect.pairs));
      case 'read-refs':
        return this.run(() => this.refresh());
      case 'move':
        return this.startMove(effect);
      case 'withdraw':
        return this.moving.get(effect.branch)?.abort();
      case 'merge':
        return this.run(async () => this.handle(await mergeSides(this.settling, effect)));
      case 'keep':
        return this.run(async () => this.handle(await keepSides(this.settling, effect)));
      case 'create-tag':
        return this.inTurn(() => this.createTag(effect));
      case 'ack':
        return this.host.link(effect.peer)?.control.notify('ack', { author: effect.peer, seq: effect.seq });
      case 'synced':
        return this.host.synced(effect.peer);
      case 'branches-changed':
        return this.host.changed();
      case 'persist':
        return this.host.persist();
      case 'wake':
        clearTimeout(this.wakeTimer);
        this.wakeTimer = setTimeout(() => this.handle({ type: 'tick', now: performance.now() }), effect.inMs);
        return;
    }
  }

  private async read(): Promise<void> {
    // So that `reading` is set when this ends.
    await Promise.resolve();
    while (this.readAgain && !this.stopped.signal.aborted) {
      this.readAgain = false;
      await this.readOnce();
    }
    // In the same turn as the last look at `readAgain`, or a read that is asked for now would be lost.
    this.reading = undefined;
  }

  private async readOnce(): Promise<void> {
    try {
      this.snapshot = await this.repository.snapshot();
      this.handle({ type: 'local-refs', refs: this.snapshot.refs, head: this.snapshot.head });
    } catch (error) {
      if (!this.stopped.signal.aborted) this.host.log.warn(`Cannot read the refs: ${asPeerweaveError(error).message}`);
    }
  }

  private async relate(pairs: readonly Pair[]): Promise<void> {
    // The core waits for an answer; pairs that could not be related are left out of it and asked again later, alone.
    const relations = await this.repository.relate(pairs).catch((error: unknown) => {
      this.host.log.warn(`Cannot compare ${pairs.length} pairs of commits: ${asPeerweaveError(error).message}`);
      return [];
    });
    this.handle({ type: 'related', relations });
  }

  private async fetch(effect: Extract<SyncEffect, { type: 'fetch' }>): Promise<void> {
    const { peer, seq } = effect;
    const abort = new AbortController();
    this.fetches.set(peer, abort);
    try {
      const result = await this.repository.receive({
        peer,
        namespace: this.host.namespace(peer),
        refs: effect.refs,
        connect: async (signal) => {
          const link = this.host.link(peer);
          if (link === undefined) throw new PeerweaveError('link-lost', `${this.host.nameOf(peer)} is not connected.`);
          return link.exec(UPLOAD_PACK_COMMANDS.everything, { signal });
        },
        onProgress: (progress) => this.host.progress(peer, progress),
        signal: AbortSignal.any([abort.signal, this.stopped.signal]),
      });
      for (const { ref, why } of result.refused)
        this.host.log.warn(`Left out ${ref} of ${this.host.nameOf(peer)}: ${why}`);
      if (result.moves.length > 0) this.host.refsMoved(result.moves, peer);
      this.handle({ type: 'fetched', peer, seq, refused: result.refused.map(({ ref }) => ref as RefName) });
    } catch (error) {
      const failure = asPeerweaveError(error);
      if (!this.stopped.signal.aborted) this.host.syncFailed(peer, failure);
      this.handle({ type: 'fetch-failed', peer, seq, reason: failure.reason });
    } finally {
      // The answer may have started the next fetch of this peer already.
      if (this.fetches.get(peer) === abort) {
        this.fetches.delete(peer);
        this.host.progress(peer, undefined);
      }
    }
  }

  private startMove(effect: Extract<SyncEffect, { type: 'move' }>): void {
    const withdrawn = new AbortController();
    this.moving.set(effect.branch, withdrawn);
    this.inTurn(() => this.move(effect, withdrawn.signal));
  }

  private async move(effect: Extract<SyncEffect, { type: 'move' }>, withdrawn: AbortSignal): Promise<void> {
    const { branch, from, to, peer } = effect;
    const name = this.host.nameOf(peer);
    const result = await this.repository
      .moveBranch({
        branch,
        from,
        to,
        message: `peerweave: ${describeMove(effect)} ${name}`,
        ...(effect.merges === undefined ? {} : { kind: 'merge' }),
        by: name,
        reviewed: effect.reviewed,
        withdrawn,
      })
      .catch((error: unknown): { moved: false; refusal: MoveRefusal } => ({
        moved: false,
        refusal: { kind: 'failed', message: asPeerweaveError(error).message },
      }));
    this.moving.delete(branch);
    if (result.moved) {
      this.host.refsMoved([{ ref: `refs/heads/${branch}` as RefName, from, to }], peer);
      this.handle({ type: 'moved', branch, from, to });
      return;
    }
    const { refusal } = result;
    const why = refusal.kind === 'ref-moved' ? 'ref-moved' : 'pending';
    this.host.log.info(`${branch} was not moved to ${to}: ${describeRefusal(refusal)}`);
    this.handle({ type: 'move-refused', branch, to, why, detail: describeRefusal(refusal) });
    if (why === 'ref-moved') await this.refresh();
  }

  private async createTag(effect: Extract<SyncEffect, { type: 'create-tag' }>): Promise<void> {
    const created = await this.repository.createTag(effect.ref, effect.oid);
    if (created) this.host.refsMoved([{ ref: effect.ref, from: null, to: effect.oid }], effect.peer);
    await this.refresh();
  }

  private get settling(): SettleContext {
    return { repository: this.repository, log: this.host.log, signal: this.stopped.signal };
  }

  private inTurn(task: () => Promise<void>): void {
    // What waits for its turn when the session ends is not begun.
    const unlessStopped = (): Promise<void> => (this.stopped.signal.aborted ? Promise.resolve() : task());
    this.run(() => (this.moves = this.moves.then(unlessStopped, unlessStopped)));
  }

  /** Runs an effect to its end; a failure that nobody handled is logged, and the session goes on. */
  private run(task: () => Promise<void>): void {
    this.pendingEffects++;
    void task()
      .catch((error: unknown) => {
        if (!this.stopped.signal.aborted) this.host.log.error(`Sync step failed: ${asPeerweaveError(error).message}`);
      })
      .finally(() => {
        this.pendingEffects--;
        this.settleIdle();
      });
  }

  private settleIdle(force = false): void {
    if (this.pendingEffects > 0 && !force) return;
    for (const resolve of this.idleWaiters) resolve();
    this.idleWaiters.clear();
  }
}

function describeMove({ from, merges }: Extract<SyncEffect, { type: 'move' }>): string {
  if (merges !== undefined) return 'merge with';
  return from === null ? 'created from' : 'fast-forward from';
}
