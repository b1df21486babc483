import { basename } from 'node:path';
import { MAX_NAME_LENGTH } from '../link/control-protocol.ts';
import type { Identity } from '../link/identity.ts';
import type { RepositoryInfo } from '../repo/repository.ts';
import { newSecret, newSessionId } from './invite.ts';
import { admit } from './roster.ts';
import type { SessionRecord } from './session-store.ts';

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
    roots: [...info.roots],
    objectFormat: info.objectFormat,
    invite: { secret: Buffer.from(newSecret()).toString('base64'), expiresAt: now + inviteHours * 3_600_000 },
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
