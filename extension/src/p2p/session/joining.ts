import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Settings } from '../../rpc/contract.ts';
import type { SessionView, Transfer } from '../../rpc/model.ts';
import { Emitter } from '../../shared/events.ts';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Manifest, Welcome } from '../link/control-protocol.ts';
import type { Identity } from '../link/identity.ts';
import type { LinkHost } from '../link/link-host.ts';
import type { Link } from '../link/link.ts';
import { peerNamespace } from '../repo/peer-namespace.ts';
import type { Repository, RepositoryProvider, TransferProgress } from '../repo/repository.ts';
import { assertUnexpired, type Invite } from './invite.ts';
import { headOf, refsOf } from './manifest-ledger.ts';
import { proveInvite } from './proof.ts';
import { Roster } from './roster.ts';
import { SessionStore, type SessionRecord } from './session-store.ts';
import type { SessionPhase } from './session-view.ts';
import { UPLOAD_PACK_COMMAND } from './sync-driver.ts';

export interface JoinRequest {
  readonly invite: Invite;
  readonly directory: string;
  /** Link the clone that is there instead of making one. The person was asked (SE10). */
  readonly link: boolean;
  readonly name: string;
}

export interface JoiningParts {
  readonly identity: Identity;
  readonly provider: RepositoryProvider;
  readonly linkHost: LinkHost;
  readonly settings: Settings;
  readonly log: Logger;
  readonly now: () => number;
}

/** What a finished join hands to the session. */
export interface Joined {
  readonly repository: Repository;
  readonly record: SessionRecord;
  readonly store: SessionStore;
  readonly link: Link;
  /** The host's newest manifest; it may send more while the clone is under way. */
  readonly manifest: () => Manifest;
}

/** Longer than the host's five minutes (SE4), so that its answer arrives first. */
const ANSWER_TIMEOUT_MS = 6 * 60_000;

/** A guest's way in: connect → prove → wait for a person → clone. Leaves nothing behind when it fails or is cancelled (SE10). */
export class Joining {
  readonly directory: string;
  private readonly parts: JoiningParts;
  private readonly request: JoinRequest;
  private readonly abort = new AbortController();
  private readonly changes = new Emitter<void>();
  readonly onChange = this.changes.event;
  phase: SessionPhase = 'connecting';
  private progress: TransferProgress | undefined;
  private link: Link | undefined;
  private newestManifest: Manifest | undefined;

  constructor(parts: JoiningParts, request: JoinRequest) {
    this.parts = parts;
    this.request = request;
    this.directory = resolve(request.directory);
  }

  cancel(): void {
    this.abort.abort(new PeerweaveError('cancelled', 'Joining was cancelled; nothing was changed.'));
  }

  /** `onUsable` is called when the tip is checked out while history still arrives (C4). */
  async run(onUsable: () => void): Promise<Joined> {
    try {
      await this.checkFolder();
      const { link, welcome, manifest } = await this.enter();
      const joined = this.request.link
        ? await this.linkExisting(link, welcome, manifest)
        : await this.clone(link, welcome, manifest, onUsable);
      this.to('live');
      return joined;
    } catch (error) {
      const failure = this.abort.signal.aborted ? (this.abort.signal.reason as Error) : error;
      await this.link?.close(asPeerweaveError(failure));
      throw failure;
    }
  }

  view(): SessionView {
    const { invite, name } = this.request;
    const transfer = this.transfer();
    return {
      repo: this.directory,
      repoName: invite.repoName,
      sessionId: invite.session,
      role: 'write',
      phase: this.phase,
      self: { name, fingerprint: this.parts.identity.peer },
      peers: [
        {
          fingerprint: invite.host,
          name: invite.hostName,
          role: 'owner',
          state: this.link === undefined ? 'connecting' : 'online',
          ...(this.link === undefined ? {} : { route: this.link.route }),
          inSync: false,
          bytesSent: this.link?.bytesSent ?? 0,
          bytesReceived: this.link?.bytesReceived ?? 0,
        },
      ],
      approvals: [],
      conflicts: [],
      pending: [],
      notices: [],
      ...(transfer === undefined ? {} : { transfer }),
    };
  }

  private transfer(): Transfer | undefined {
    if (this.progress === undefined) return undefined;
    const { task, done, total, bytesPerSecond } = this.progress;
    return { id: 'clone', task, done, total, bytesPerSecond };
  }

  /** Before anybody is bothered: the folder must be one that may be written to. */
  private async checkFolder(): Promise<void> {
    const { request, parts } = this;
    assertUnexpired(request.invite, parts.now());
    if (request.link) return;
    const entries = await readdir(this.directory).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new PeerweaveError('folder-not-empty', `${this.directory} is not a folder that can be cloned into.`, {
        cause: error,
      });
    });
    if (entries.length === 0) return;
    const state = await parts.provider.inspect(this.directory);
    throw new PeerweaveError(
      'folder-not-empty',
      state.kind === 'repository'
        ? `${this.directory} holds a repository already. Join into a new folder, or link this clone if it is of the same project.`
        : `${this.directory} is not empty. Choose a new or empty folder; nothing was changed.`,
    );
  }

  private async enter(): Promise<{ link: Link; welcome: Welcome; manifest: Manifest }> {
    const { invite, name } = this.request;
    const { signal } = this.abort;
    const link = await this.parts.linkHost.dial({ peer: invite.host, addresses: invite.addresses, signal });
    this.link = link;
    // Its key is the invite's, so what it says may be read (SE3).
    link.admit();
    const manifest = this.firstManifest(link);
    manifest.catch(() => undefined);
    link.control.handleNotification('waiting', () => this.to('waiting-approval'));
    const proof = proveInvite(invite.secret, {
      sessionBinding: link.sessionBinding,
      guest: this.parts.identity.peer,
      host: invite.host,
    });
    const welcome = await link.control.request(
      'join',
      { session: invite.session, name, addresses: [], proof: proof.toString('base64') },
      { signal, timeoutMs: ANSWER_TIMEOUT_MS },
    );
    return { link, welcome, manifest: await manifest };
  }

  private async clone(link: Link, welcome: Welcome, manifest: Manifest, onUsable: () => void): Promise<Joined> {
    this.to('cloning');
    const record = this.recordOf(welcome);
    const head = headOf(manifest);
    const repository = await this.parts.provider.clone({
      directory: this.directory,
      objectFormat: welcome.repo.objectFormat,
      peer: link.peer,
      namespace: record.namespaces[link.peer] ?? link.peer,
      refs: refsOf(manifest),
      ...(head === undefined ? {} : { head }),
      connect: (signal) => link.exec(UPLOAD_PACK_COMMAND, { signal }),
      onUsable: () => {
        this.to('history');
        onUsable();
      },
      onProgress: (progress) => {
        this.progress = progress;
        this.changes.fire();
      },
      signal: this.abort.signal,
    });
    return this.joined(repository, record, link, manifest);
  }

  private async linkExisting(link: Link, welcome: Welcome, manifest: Manifest): Promise<Joined> {
    const repository = await this.parts.provider.open(this.directory);
    try {
      assertRelated(repository, welcome);
      const record = this.recordOf(welcome);
      return this.joined(repository, record, link, manifest);
    } catch (error) {
      repository.dispose();
      throw error;
    }
  }

  private recordOf(welcome: Welcome): SessionRecord {
    const { invite, name } = this.request;
    const roster = new Roster(invite.session, invite.host);
    roster.merge(welcome.roster);
    const self = this.parts.identity.peer;
    const entry = roster.get(self);
    if (entry === undefined || roster.get(invite.host) === undefined) {
      throw new PeerweaveError(
        'not-admitted',
        `${invite.hostName} let us in, but its list of members does not verify.`,
      );
    }
    return {
      v: 1,
      session: invite.session,
      founder: invite.host,
      self,
      name: entry.name === '' ? name : entry.name,
      repoName: welcome.repo.name,
      roots: welcome.repo.roots,
      objectFormat: welcome.repo.objectFormat,
      roster: roster.entries(),
      addresses: { [invite.host]: welcome.addresses.length > 0 ? welcome.addresses : [...invite.addresses] },
      port: 0,
      manifests: {},
      namespaces: namespaceFor(invite.host, invite.hostName),
      sync: undefined,
      historyComplete: true,
    };
  }

  private joined(repository: Repository, record: SessionRecord, link: Link, first: Manifest): Joined {
    const store = new SessionStore(repository.info.gitDir);
    return { repository, record, store, link, manifest: () => this.newestManifest ?? first };
  }

  /** The host's refs, which it sends right after its welcome; what comes while cloning is kept for the session. */
  private firstManifest(link: Link): Promise<Manifest> {
    return new Promise((resolve, reject) => {
      link.onClosed(reject);
      link.control.handleNotification('manifest', (manifest) => {
        this.newestManifest = manifest;
        resolve(manifest);
      });
      this.abort.signal.addEventListener('abort', () => reject(this.abort.signal.reason as Error), { once: true });
    });
  }

  private to(phase: SessionPhase): void {
    this.phase = phase;
    this.changes.fire();
  }
}

const namespaceFor = (peer: PeerId, name: string): Record<string, string> => ({
  [peer]: peerNamespace(name, peer, new Set()),
});

/** Two clones are of one project when they share a root commit (SE10). */
function assertRelated(repository: Repository, welcome: Welcome): void {
  const { info } = repository;
  if (info.objectFormat !== welcome.repo.objectFormat) {
    throw new PeerweaveError(
      'object-format-mismatch',
      `This clone uses ${info.objectFormat} object ids, the shared repository ${welcome.repo.objectFormat}. Join into a new folder.`,
    );
  }
  const theirs = new Set(welcome.repo.roots);
  if (info.roots.some((root) => theirs.has(root))) return;
  throw new PeerweaveError(
    'unrelated-repository',
    `${info.root} is a clone of another project than ${welcome.repo.name}. Join into a new folder; nothing was changed.`,
  );
}
