import { basename } from 'node:path';
import { MAX_NAME_LENGTH } from '../link/control-protocol.ts';
import type { Identity } from '../link/identity.ts';
import type { RepositoryInfo } from '../repo/repository.ts';
import { newSecret, newSessionId } from './invite.ts';
import { admit } from './roster.ts';
import type { SessionRecord } from './session-store.ts';

/** What a `welcome` may name. A repository of more has been merged together from that many projects; some of them tell it as well. */
const MAX_ROOTS = 64;

/** The record of a new session on a repository, founded by us (SE1). `now` is Unix milliseconds. */
export function foundSession(
  identity: Identity,
  info: RepositoryInfo,
  name: string,
  inviteHours: number,
  now: number,
): SessionRecord {
  const session = newSessionId();
  const { peer, publicKey } = identity;
  return {
    v: 1,
    session,
    founder: peer,
    self: peer,
    name,
    repoName: repositoryName(info.root),
    roots: info.roots.slice(0, MAX_ROOTS),
    objectFormat: info.objectFormat,
    invite: { secret: Buffer.from(newSecret()).toString('base64'), expiresAt: now + inviteHours * 3_600_000 },
    meeting: { secret: Buffer.from(newSecret()).toString('base64'), urls: [] },
    roster: [admit(identity, session, { peer, publicKey, name, role: 'owner', epoch: 1, addedAt: now })],
    addresses: {},
    port: 0,
    manifests: {},
    namespaces: {},
    sync: undefined,
    historyComplete: true,
  };
}

/** The name that guests see: the folder's. */
const repositoryName = (root: string): string => (basename(root) || 'repository').slice(0, MAX_NAME_LENGTH);
