import { randomUUID } from 'node:crypto';
import { Emitter } from '../../shared/events.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import { disposable } from '../../shared/disposable.ts';
import type { PeerId, SessionId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { JoinParams } from '../link/control-protocol.ts';
import type { Link } from '../link/link.ts';
import { assertUnexpired } from './invite.ts';
import { checkInviteProof } from './proof.ts';

export type Decision = 'allow' | 'remember' | 'refuse';

/** A guest that proved the invite and waits for a person (SE4). */
export interface Approval {
  readonly id: string;
  readonly peer: PeerId;
  readonly name: string;
  readonly remote: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

export interface GatekeeperOptions {
  readonly self: PeerId;
  readonly hostName: string;
  readonly session: SessionId;
  readonly log: Logger;
  /** The live invite of an owner; undefined for members that cannot admit. */
  readonly invite: () => { readonly secret: Uint8Array; readonly expiresAt: number } | undefined;
  readonly approve: () => 'ask' | 'auto';
  readonly isMember: (peer: PeerId) => boolean;
  /** Resolves when the peer enters the roster, or rejects when the signal fires. */
  readonly awaitMember: (peer: PeerId, signal: AbortSignal) => Promise<void>;
  readonly remembers: (peer: PeerId) => Promise<boolean>;
  readonly remember: (peer: PeerId) => Promise<void>;
  /** Signs the guest into the roster; throws when that cannot be done. */
  readonly admit: (link: Link, name: string) => void;
  readonly now: () => number;
  /** No answer for this long is a refusal (SE4). */
  readonly approvalTimeoutMs?: number;
}

const APPROVAL_TIMEOUT_MS = 5 * 60_000;
/** A new member may dial others before the host's roster reached them; longer than any roster takes to spread. */
const ROSTER_GRACE_MS = 5_000;
/** More people than can be looked at one by one are not guests. */
const MAX_WAITING = 20;
/** More than a whole session's members; each is a link of somebody who has shown nothing yet. */
const MAX_IN_GRACE = 64;

interface Waiting {
  readonly approval: Approval;
  readonly settle: (decision: Decision) => void;
  readonly fail: (error: PeerweaveError) => void;
}

/** Decides who gets in. A peer that is let in is in the roster; everybody else gets a typed refusal. */
export class Gatekeeper {
  private readonly options: GatekeeperOptions;
  private readonly waiting = new Map<string, Waiting>();
  private inGrace = 0;
  private closedFor: PeerweaveError | undefined;
  private readonly changes = new Emitter<void>();
  readonly onChange = this.changes.event;

  constructor(options: GatekeeperOptions) {
    this.options = options;
  }

  get approvals(): Approval[] {
    return [...this.waiting.values()].map(({ approval }) => approval);
  }

  /** A person's answer; false when the guest is no longer waiting. */
  decide(id: string, decision: Decision): boolean {
    const entry = this.waiting.get(id);
    entry?.settle(decision);
    return entry !== undefined;
  }

  /** Lets nobody in from here on, and tells those that wait why. */
  close(error: PeerweaveError): void {
    this.closedFor = error;
    for (const { fail } of [...this.waiting.values()]) fail(error);
  }

  /**
   * Resolves when the peer is a member. Throws `not-admitted`, `invite-expired`, `join-refused`, `join-timeout`, `rate-limited`,
   * or what the link or the gatekeeper was closed for.
   */
  async admit(link: Link, params: JoinParams): Promise<void> {
    const { options } = this;
    if (params.session !== options.session)
      throw notAdmitted('This peer shares another session. Ask for a new invite.');
    if (options.isMember(link.peer)) return;
    const invite = options.invite();
    if (params.proof === undefined || invite === undefined) return this.awaitRoster(link.peer);
    assertUnexpired({ expiresAt: invite.expiresAt, hostName: options.hostName }, options.now());
    const context = { sessionBinding: link.sessionBinding, guest: link.peer, host: options.self };
    if (!checkInviteProof(invite.secret, context, Buffer.from(params.proof, 'base64'))) {
      throw notAdmitted(`The invite is not valid any more. Ask ${options.hostName} for a new one.`);
    }
    const welcome = options.approve() === 'auto' || (await this.remembers(link.peer));
    const decision = welcome ? 'allow' : await this.ask(link, params.name);
    if (decision === 'refuse') throw new PeerweaveError('join-refused', `${options.hostName} did not let you in.`);
    if (decision === 'remember') await this.remember(link.peer);
    if (link.state === 'closed') throw new PeerweaveError('link-lost', 'The guest is gone.');
    options.admit(link, params.name);
  }

  /** A list that cannot be read costs a question. */
  private async remembers(peer: PeerId): Promise<boolean> {
    try {
      return await this.options.remembers(peer);
    } catch (error) {
      this.options.log.warn(`Cannot read who is remembered: ${messageOf(error)}`);
      return false;
    }
  }

  /** Who was allowed is in, whether or not that can be written down for the next time. */
  private async remember(peer: PeerId): Promise<void> {
    try {
      await this.options.remember(peer);
    } catch (error) {
      this.options.log.error(`Cannot remember ${peer}: ${messageOf(error)}`);
    }
  }

  private async awaitRoster(peer: PeerId): Promise<void> {
    if (this.inGrace >= MAX_IN_GRACE) throw crowded();
    this.inGrace += 1;
    try {
      await this.options.awaitMember(peer, AbortSignal.timeout(ROSTER_GRACE_MS));
    } catch (error) {
      throw notAdmitted('You are not a member of this session. Join with an invite from its host.', error);
    } finally {
      this.inGrace -= 1;
    }
  }

  private async ask(link: Link, name: string): Promise<Decision> {
    if (this.closedFor !== undefined) throw this.closedFor;
    if (link.state === 'closed') throw new PeerweaveError('link-lost', 'The guest is gone.');
    // One question about one key: a guest that tries again has given up its first request, or never knew of it.
    for (const { approval, fail } of [...this.waiting.values()]) {
      if (approval.peer === link.peer) fail(new PeerweaveError('link-duplicate', 'You have asked again since.'));
    }
    if (this.waiting.size >= MAX_WAITING) throw crowded();
    const timeoutMs = this.options.approvalTimeoutMs ?? APPROVAL_TIMEOUT_MS;
    const approval: Approval = {
      id: randomUUID(),
      peer: link.peer,
      name,
      remote: link.remoteAddress,
      expiresAt: this.options.now() + timeoutMs,
    };
    link.control.notify('waiting', { seconds: Math.ceil(timeoutMs / 1000) });
    return this.answerTo(approval, link, timeoutMs);
  }

  private answerTo(approval: Approval, link: Link, timeoutMs: number): Promise<Decision> {
    return new Promise<Decision>((resolve, reject) => {
      const settled = disposable(() => {
        clearTimeout(timer);
        closed.dispose();
        this.waiting.delete(approval.id);
        this.changes.fire();
      });
      const settle = (decision: Decision): void => {
        settled.dispose();
        resolve(decision);
      };
      const fail = (error: PeerweaveError): void => {
        settled.dispose();
        reject(error);
      };
      const timer = setTimeout(() => {
        fail(new PeerweaveError('join-timeout', `${this.options.hostName} did not answer. Ask them, then join again.`));
      }, timeoutMs);
      const closed = link.onClosed(fail);
      this.waiting.set(approval.id, { approval, settle, fail });
      this.changes.fire();
    });
  }
}

const crowded = (): PeerweaveError =>
  new PeerweaveError('rate-limited', 'Too many people are waiting to be let in. Try again in a few minutes.');

const notAdmitted = (message: string, cause?: unknown): PeerweaveError =>
  new PeerweaveError('not-admitted', message, cause === undefined ? undefined : { cause });
