import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SessionView } from '../../rpc/model.ts';
import { Emitter } from '../../shared/events.ts';
import { asPeerweaveError, PeerweaveError, type Reason } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Repository, RepositoryProvider, TransferProgress } from '../repo/repository.ts';
import { cancelled, enterSession, type Entered } from './entering.ts';
import { headOf, refsOf } from './manifest-ledger.ts';
import type { Network } from './network.ts';
import type { SessionRecord } from './session-store.ts';
import { transferOf } from './session-view.ts';
import { UPLOAD_PACK_COMMANDS } from './upload-pack.ts';

/** Between two rounds of asking every member for the history. */
const RETRY_MS = 5_000;
/** What the next attempt would meet again. Anything else passes: members come and go, links break, branches move meanwhile. */
const FINAL: ReadonlySet<Reason> = new Set([
  'pack-rejected',
  'pack-too-large',
  'disk-full',
  'repository-locked',
  'object-format-mismatch',
  'internal',
]);

export interface CatchingUpParts {
  readonly directory: string;
  readonly record: SessionRecord;
  readonly provider: RepositoryProvider;
  readonly network: Network;
  readonly retryMs?: number;
}

/**
 * Fetches the history of a clone whose engine stopped after the tip was checked out (C4): the window moved into the folder, or
 * the connection went. Asks any member, again and again, until one is there.
 */
export class CatchingUp {
  readonly directory: string;
  private readonly parts: CatchingUpParts;
  private readonly abort = new AbortController();
  private readonly changes = new Emitter<void>();
  readonly onChange = this.changes.event;
  private progress: TransferProgress | undefined;

  constructor(parts: CatchingUpParts) {
    this.parts = parts;
    this.directory = resolve(parts.directory);
  }

  /** The folder stays as it is; another run goes on. */
  suspend(): void {
    this.abort.abort(new PeerweaveError('link-lost', 'The engine stopped; history goes on later.'));
  }

  /** A person left the session. The folder stays: it was there, and worked in, before this run. */
  cancel(): void {
    this.abort.abort(cancelled());
  }

  /** The git directory, for the caller to lock. */
  check(): Promise<string> {
    return Promise.resolve(join(this.directory, '.git'));
  }

  async run(): Promise<Entered & { readonly repository: Repository; readonly record: SessionRecord }> {
    const { record } = this.parts;
    for (;;) {
      for (const { peer } of record.roster) {
        if (peer === record.self) continue;
        const entered = await this.enter(peer);
        if (entered === undefined) continue;
        const repository = await this.complete(entered);
        if (repository !== undefined) return { ...entered, repository, record: { ...record, historyComplete: true } };
      }
      await delay(this.parts.retryMs ?? RETRY_MS, undefined, { signal: this.abort.signal }).catch(() => undefined);
      this.abort.signal.throwIfAborted();
    }
  }

  view(): SessionView {
    const { record } = this.parts;
    return {
      repo: this.directory,
      repoName: record.repoName,
      sessionId: record.session,
      role: record.roster.find(({ peer }) => peer === record.self)?.role ?? 'read',
      phase: 'history',
      self: { name: record.name, fingerprint: record.self },
      peers: [],
      approvals: [],
      strategy: 'manual',
      conflicts: [],
      pending: [],
      notices: [],
      ...(this.progress === undefined ? {} : { transfer: transferOf('history', this.progress) }),
    };
  }

  private async enter(peer: PeerId): Promise<Entered | undefined> {
    const { record, network } = this.parts;
    const { signal } = this.abort;
    try {
      return await enterSession({
        linkHost: network.linkHost,
        peer,
        addresses: network.addressesOf(peer, record.addresses[peer] ?? []),
        params: () => ({ session: record.session, name: record.name, addresses: [] }),
        signal,
      });
    } catch {
      // Away, or it does not know us yet; the next member may be there, and the round repeats.
      signal.throwIfAborted();
      return undefined;
    }
  }

  private async complete({ link, manifest }: Entered): Promise<Repository | undefined> {
    const { provider, record } = this.parts;
    const { signal } = this.abort;
    const newest = manifest();
    const head = headOf(newest);
    try {
      return await provider.completeClone({
        directory: this.directory,
        objectFormat: record.objectFormat,
        peer: link.peer,
        namespace: record.namespaces[link.peer] ?? link.peer,
        refs: refsOf(newest),
        ...(head === undefined ? {} : { head }),
        connect: (stop) => link.exec(UPLOAD_PACK_COMMANDS.everything, { signal: stop }),
        onProgress: (progress) => {
          this.progress = progress;
          this.changes.fire();
        },
        signal,
      });
    } catch (error) {
      const failure = asPeerweaveError(signal.aborted ? signal.reason : error);
      await link.close(failure);
      if (signal.aborted || FINAL.has(failure.reason)) throw failure;
      return undefined;
    }
  }
}
