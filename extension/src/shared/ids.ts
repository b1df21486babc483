/** Branded identifiers. A brand costs nothing at run time and keeps a branch name from being passed where a ref name is due. */

declare const brand: unique symbol;
type Brand<Name extends string> = string & { readonly [brand]: Name };

/** A person's installation: the SSH fingerprint of its public key, `SHA256:` + 43 base64 characters, as `ssh-keygen -l` prints it. */
export type PeerId = Brand<'PeerId'>;
/** A shared session: 128 random bits as 32 lower-case hex digits. Not a secret. */
export type SessionId = Brand<'SessionId'>;
/** A git object id: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits. */
export type Oid = Brand<'Oid'>;
/** A full ref name, `refs/heads/main`. */
export type RefName = Brand<'RefName'>;
/** A branch without its `refs/heads/` prefix, `main`. */
export type BranchName = Brand<'BranchName'>;

const PEER_ID = /^SHA256:[A-Za-z0-9+/]{43}$/;
const SESSION_ID = /^[0-9a-f]{32}$/;
const OID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export const isPeerId = (value: string): value is PeerId => PEER_ID.test(value);
export const isSessionId = (value: string): value is SessionId => SESSION_ID.test(value);
export const isOid = (value: string): value is Oid => OID.test(value);

const HEADS = 'refs/heads/';
const TAGS = 'refs/tags/';

/** True for the refs that a session shares: branches and tags. */
export const isSharedRef = (ref: string): ref is RefName => ref.startsWith(HEADS) || ref.startsWith(TAGS);
export const isBranchRef = (ref: RefName): boolean => ref.startsWith(HEADS);
export const isTagRef = (ref: RefName): boolean => ref.startsWith(TAGS);

/** `main` → `refs/heads/main`. */
export const branchRef = (branch: BranchName): RefName => (HEADS + branch) as RefName;
/** `refs/heads/main` → `main`; undefined for any other ref. */
export const branchOf = (ref: RefName): BranchName | undefined =>
  ref.startsWith(HEADS) ? (ref.slice(HEADS.length) as BranchName) : undefined;
