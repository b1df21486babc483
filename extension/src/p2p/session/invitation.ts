import { PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { TransportAddress } from '../transport/transport.ts';
import { encodeInvite, newSecret } from './invite.ts';
import { meetingPlaceOf } from './meeting-place.ts';
import type { Members } from './members.ts';
import type { SessionRecord } from './session-store.ts';

export interface InvitationParts {
  readonly self: PeerId;
  readonly record: SessionRecord;
  readonly members: Members;
  readonly hours: number;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly addresses: () => TransportAddress[];
  readonly save: () => Promise<void>;
}

/** The invite that is good now, of the members that have one to give: owners (SE1). */
export class Invitation {
  private readonly parts: InvitationParts;

  constructor(parts: InvitationParts) {
    this.parts = parts;
  }

  /** The secret and until when it counts, Unix milliseconds; undefined for members that cannot invite. */
  get current(): { readonly secret: Uint8Array; readonly expiresAt: number } | undefined {
    const { invite } = this.parts.record;
    if (invite === undefined) return undefined;
    return { secret: new Uint8Array(Buffer.from(invite.secret, 'base64')), expiresAt: invite.expiresAt };
  }

  /** The plain code, saved before it is given away. An expired invite is replaced by a new one. Throws `bad-request` for non-owners. */
  async code(): Promise<{ readonly code: string; readonly expiresAt: number }> {
    const { self, record, members, addresses, now } = this.parts;
    if (members.self?.role !== 'owner') {
      throw new PeerweaveError('bad-request', `Only ${members.nameOf(record.founder)} can invite to this session.`);
    }
    const present = this.current;
    const invitation = present === undefined || present.expiresAt <= now() ? await this.renew() : present;
    const { session, name: hostName, repoName } = record;
    const meeting = meetingPlaceOf(record);
    const code = encodeInvite({
      ...invitation,
      session,
      host: self,
      hostName,
      repoName,
      addresses: addresses(),
      ...(meeting === undefined ? {} : { meeting }),
    });
    return { code, expiresAt: invitation.expiresAt };
  }

  private async renew(): Promise<{ readonly secret: Uint8Array; readonly expiresAt: number }> {
    const { record, hours, now, save } = this.parts;
    const invitation = { secret: newSecret(), expiresAt: now() + hours * 3_600_000 };
    record.invite = { secret: Buffer.from(invitation.secret).toString('base64'), expiresAt: invitation.expiresAt };
    await save();
    return invitation;
  }
}
