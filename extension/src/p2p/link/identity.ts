import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';

/**
 * A person's installation is an ECDSA P-256 key pair: the one curve that Node, Electron's BoringSSL and the SSH library share.
 *
 * The public key travels as an SSH blob (RFC 5656 §3.1): `string "ecdsa-sha2-nistp256"`, `string "nistp256"`, `string Q`, where a
 * string is a u32 length and bytes, and Q the uncompressed point `04 ‖ x ‖ y`. It always has the same 104 bytes of layout.
 */
const CURVE = 'P-256';
const COORDINATE_BYTES = 32;
const BLOB_PREFIX = Buffer.concat([
  sshString(Buffer.from('ecdsa-sha2-nistp256')),
  sshString(Buffer.from('nistp256')),
  // Length of Q, then the marker of an uncompressed point (SEC 1 §2.3.3).
  Buffer.from([0, 0, 0, 1 + 2 * COORDINATE_BYTES, 0x04]),
]);
const BLOB_BYTES = BLOB_PREFIX.length + 2 * COORDINATE_BYTES;

/** Signatures are `r ‖ s`, 32 bytes each (IEEE P1363): one length, one encoding. */
const SIGNATURE_ENCODING = 'ieee-p1363';
const SIGNATURE_BYTES = 2 * COORDINATE_BYTES;

export interface Identity {
  /** PKCS#8 PEM of the private key: a secret (SE8). */
  readonly pem: string;
  /** The fingerprint that `ssh-keygen -l` prints. */
  readonly peer: PeerId;
  /** SSH public key blob, 104 bytes. */
  readonly publicKey: Uint8Array;
  /** ECDSA with SHA-256 over `bytes`; 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

export function createIdentity(): Identity {
  return identityOf(generateKeyPairSync('ec', { namedCurve: CURVE }).privateKey);
}

/** Throws `PeerweaveError` with reason `bad-request` when `pem` is not the PKCS#8 PEM of an ECDSA P-256 private key. */
export function identityFromPem(pem: string): Identity {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The cause could quote the key; it is dropped on purpose (SE8).
    throw new PeerweaveError('bad-request', 'The stored identity is not a private key in PEM form.');
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new PeerweaveError('bad-request', 'The stored identity is not an ECDSA P-256 key.');
  }
  return identityOf(key);
}

/** True when `signature` (64 bytes) over `bytes` was made by the key in `publicKey`; false for anything malformed. */
export function verifySignature(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  const key = parsePublicKey(publicKey);
  return key !== undefined && verify('sha256', bytes, { key, dsaEncoding: SIGNATURE_ENCODING }, signature);
}

/**
 * `SHA256:` and the unpadded base64 of the blob's SHA-256 (RFC 4716 style, as OpenSSH prints it).
 * Throws `PeerweaveError` with reason `authentication-failed` for a blob that is no valid ECDSA P-256 key.
 */
export function fingerprintOf(publicKey: Uint8Array): PeerId {
  if (!parsePublicKey(publicKey)) {
    throw new PeerweaveError('authentication-failed', 'The public key is not an ECDSA P-256 key in SSH form.');
  }
  return `SHA256:${createHash('sha256').update(publicKey).digest('base64').replace(/=+$/, '')}` as PeerId;
}

function identityOf(key: KeyObject): Identity {
  const { x, y } = createPublicKey(key).export({ format: 'jwk' });
  const publicKey = Buffer.concat([BLOB_PREFIX, Buffer.from(x ?? '', 'base64url'), Buffer.from(y ?? '', 'base64url')]);
  return {
    pem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    peer: fingerprintOf(publicKey),
    publicKey,
    sign: (bytes) => sign('sha256', bytes, { key, dsaEncoding: SIGNATURE_ENCODING }),
  };
}

/** Undefined unless the blob has exactly the expected layout and its point lies on the curve. */
function parsePublicKey(blob: Uint8Array): KeyObject | undefined {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  if (bytes.length !== BLOB_BYTES || !bytes.subarray(0, BLOB_PREFIX.length).equals(BLOB_PREFIX)) return undefined;
  const [x, y] = [bytes.subarray(BLOB_PREFIX.length, -COORDINATE_BYTES), bytes.subarray(-COORDINATE_BYTES)];
  try {
    const jwk = { kty: 'EC', crv: CURVE, x: x.toString('base64url'), y: y.toString('base64url') };
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
