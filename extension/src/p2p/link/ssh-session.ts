import {
  SshAuthenticationType,
  SshClientSession,
  SshDisconnectReason,
  SshServerSession,
  type KeyPair,
  type SshSession,
} from '@microsoft/dev-tunnels-ssh';
import { importKey } from '@microsoft/dev-tunnels-ssh-keys';
import { asPeerweaveError, messageOf, PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import { fingerprintOf, type Identity } from './identity.ts';
import type { ResumableStream } from './resumable-stream.ts';
import { SshChannels } from './ssh-channels.ts';
import { createSshConfiguration } from './ssh-config.ts';
import { deferred } from '../../shared/deferred-promise.ts';

/** An SSH session whose both keys are proven. */
export interface AuthenticatedSession<S extends SshSession = SshSession> {
  readonly session: S;
  readonly stream: ResumableStream;
  readonly channels: SshChannels;
  readonly dialer: boolean;
  readonly peer: PeerId;
  readonly publicKey: Uint8Array;
  /** SSH session id (RFC 4253 §7.2). */
  readonly sessionId: Uint8Array;
}

/** Everybody has the same user name: a peer is its key. */
const USER_NAME = 'peerweave';

export const sshKeyPair = (identity: Identity): Promise<KeyPair> => importKey(identity.pem);

/**
 * The dialer's half. Nothing of ours but the key exchange leaves before the host key is known to be `expected`'s (SE3); then `turn` is
 * awaited, and only then do we say who we are. Throws `host-key-mismatch`, `authentication-failed`, `unreachable`.
 */
export async function connectAsDialer(
  stream: ResumableStream,
  key: KeyPair,
  expected: PeerId,
  turn: () => Promise<void>,
): Promise<AuthenticatedSession<SshClientSession>> {
  const session = new SshClientSession(createSshConfiguration());
  const channels = new SshChannels(session, stream, true);
  const hostKey = deferred<Uint8Array>();
  session.onAuthenticating((args) => {
    if (args.authenticationType !== SshAuthenticationType.serverPublicKey) return;
    args.authenticationPromise = blobOf(args.publicKey).then((blob) => {
      hostKey.resolve(blob);
      return fingerprintOf(blob) === expected ? {} : null;
    });
  });
  try {
    await connect(session, stream);
    if (!(await session.authenticateServer())) {
      const actual = fingerprintOf(await hostKey.promise);
      throw new PeerweaveError(
        'host-key-mismatch',
        `The computer that answered has the key ${actual}, not ${expected} as expected. Nothing was sent to it.`,
      );
    }
    await turn();
    if (!(await authenticateClient(session, key))) {
      throw new PeerweaveError('authentication-failed', 'The peer did not accept the key of this installation.');
    }
    return authenticated(session, stream, channels, true, await hostKey.promise);
  } catch (error) {
    session.dispose();
    throw asHandshakeError(error);
  }
}

/** The acceptor's half: proves `key` as host key and accepts any valid key of the other side; admission is decided above. */
export async function connectAsAcceptor(stream: ResumableStream, key: KeyPair): Promise<AuthenticatedSession> {
  const session = new SshServerSession(createSshConfiguration());
  session.credentials = { publicKeys: [key] };
  const channels = new SshChannels(session, stream, false);
  const client = deferred<Uint8Array>();
  let proven = false;
  session.onAuthenticating((args) => {
    if (args.authenticationType === SshAuthenticationType.clientPublicKeyQuery && !proven) {
      args.authenticationPromise = Promise.resolve({});
    } else if (args.authenticationType === SshAuthenticationType.clientPublicKey && !proven) {
      // Once only: a second authentication under another key must not change who the link belongs to.
      proven = true;
      args.authenticationPromise = blobOf(args.publicKey).then((blob) => {
        client.resolve(blob);
        return {};
      });
    }
  });
  session.onClosed(({ message }) => client.reject(new PeerweaveError('authentication-failed', message)));
  const ready = new Promise<void>((resolve) => session.onClientAuthenticated(resolve));
  try {
    await connect(session, stream);
    const blob = await client.promise;
    await Promise.race([ready, rejectOnClose(session)]);
    return authenticated(session, stream, channels, false, blob);
  } catch (error) {
    session.dispose();
    throw asHandshakeError(error);
  }
}

/** Version and key exchange. */
async function connect(session: SshSession, stream: ResumableStream): Promise<void> {
  const connecting = session.connect(stream);
  // The library awaits this promise of its own only later: when the transport ends first, nobody handles its rejection.
  const { versionExchangePromise } = session as unknown as { versionExchangePromise?: Promise<void> };
  versionExchangePromise?.catch(() => undefined);
  await connecting;
}

/**
 * True when the other side takes our key. The library's own promise for it never settles when the session ends at the wrong moment, and
 * another one that nobody sees rejects then, which would end the process; so the inner part is called, and the end of the session watched.
 */
function authenticateClient(session: SshClientSession, key: KeyPair): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const credentials = { username: USER_NAME, publicKeys: [key] };
    const done = (error: Error | undefined, accepted?: boolean): void =>
      error ? reject(error) : resolve(accepted ?? false);
    session.authenticateClient(credentials, done).catch(reject);
    // Refused, or gone: only the former says something about the key.
    session.onClosed(({ reason, message }) =>
      reason === SshDisconnectReason.noMoreAuthMethodsAvailable ? resolve(false) : reject(new Error(message)),
    );
    if (session.isClosed) reject(new Error('the session was closed'));
  });
}

function rejectOnClose(session: SshSession): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (message: string): void => reject(new PeerweaveError('authentication-failed', message));
    if (session.isClosed) fail('The session was closed.');
    session.onClosed(({ message }) => fail(message));
  });
}

function authenticated<S extends SshSession>(
  session: S,
  stream: ResumableStream,
  channels: SshChannels,
  dialer: boolean,
  publicKey: Uint8Array,
): AuthenticatedSession<S> {
  const { sessionId } = session;
  if (!sessionId) throw new PeerweaveError('link-lost', 'The session ended while it was being set up.');
  return {
    session,
    stream,
    channels,
    dialer,
    peer: fingerprintOf(publicKey),
    publicKey,
    sessionId: Uint8Array.from(sessionId),
  };
}

/** The key as we encode it, whatever encoding it came in. */
async function blobOf(key: KeyPair | null): Promise<Uint8Array> {
  const bytes = await key?.getPublicKeyBytes();
  if (!bytes) throw new PeerweaveError('authentication-failed', 'The peer sent no public key.');
  return bytes;
}

function asHandshakeError(error: unknown): PeerweaveError {
  if (error instanceof PeerweaveError) return error;
  return asPeerweaveError(
    new Error(`The connection failed while it was being set up: ${messageOf(error)}`),
    'unreachable',
  );
}
