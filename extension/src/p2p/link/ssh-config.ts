import { SshAlgorithms, SshProtocolExtensionNames, SshSessionConfiguration } from '@microsoft/dev-tunnels-ssh';
import { PeerweaveError } from '../../shared/errors.ts';
import { RandomPool } from './random-pool.ts';
import { Aes256Gcm } from './ssh-cipher.ts';

/** A client that has a key needs one attempt; the rest is slack for a query without a signature (RFC 4252 §7). */
const MAX_AUTHENTICATION_ATTEMPTS = 3;

/**
 * What both ends speak: ECDH and ECDSA on the NIST curves, AES-256-GCM, public keys only. Everything else, `none` first of all, is left
 * out of the lists, and a session picks only from its lists.
 *
 * The library's own reconnect extension stays off: see `resumable-stream.ts`.
 */
export function createSshConfiguration(): SshSessionConfiguration {
  const config = new SshSessionConfiguration();
  replace(config.keyExchangeAlgorithms, [
    required(SshAlgorithms.keyExchange.ecdhNistp256Sha256),
    required(SshAlgorithms.keyExchange.ecdhNistp384Sha384),
  ]);
  replace(config.publicKeyAlgorithms, [required(SshAlgorithms.publicKey.ecdsaSha2Nistp256)]);
  replace(config.encryptionAlgorithms, [new Aes256Gcm()]);
  // GCM authenticates by itself; the negotiation still wants a name here.
  replace(config.hmacAlgorithms, [required(SshAlgorithms.hmac.hmacSha512Etm)]);
  replace(
    config.authenticationMethods,
    config.authenticationMethods.filter((method: string) => method === PUBLIC_KEY),
  );
  replace(config.protocolExtensions, [SshProtocolExtensionNames.serverSignatureAlgorithms]);
  config.maxClientAuthenticationAttempts = MAX_AUTHENTICATION_ATTEMPTS;
  // Both ends are this library, so guessing the key exchange is safe and saves a round trip.
  config.enableKeyExchangeGuess = true;
  return config;
}

/** The library has one for all sessions, and no place for it in a configuration. */
SshAlgorithms.random = new RandomPool();

/** `AuthenticationMethod.publicKey`, which the library declares as a const enum: there is nothing of it to import. */
const PUBLIC_KEY = 'publickey';

function replace<T>(list: T[], values: readonly T[]): void {
  list.splice(0, list.length, ...values);
}

/** `SshAlgorithms` holds null for `none`: a wrong name here must not turn security off. */
function required<T>(algorithm: T | null | undefined): T {
  if (!algorithm) throw new PeerweaveError('internal', 'The SSH library lacks an algorithm that links need.');
  return algorithm;
}
