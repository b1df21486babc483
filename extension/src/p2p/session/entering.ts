import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { JoinParams, Manifest, RosterEntry, Welcome } from '../link/control-protocol.ts';
import type { LinkHost } from '../link/link-host.ts';
import type { Link } from '../link/link.ts';
import type { TransportAddress } from '../transport/transport.ts';

/** A link to a member that has let us in, and what it offers. */
export interface Entered {
  readonly link: Link;
  readonly welcome: Welcome;
  /** Its newest manifest; it may send more while we are busy with the first. */
  readonly manifest: () => Manifest;
  /** Everybody that it has told us of, and where they are: it says so before its manifest, and again when that changes. */
  readonly heard: () => Heard;
}

export interface Heard {
  readonly roster: readonly RosterEntry[];
  readonly addresses: ReadonlyMap<PeerId, readonly TransportAddress[]>;
}

export interface EnterRequest {
  readonly linkHost: LinkHost;
  readonly peer: PeerId;
  readonly addresses: readonly TransportAddress[];
  /** What we say when the link stands; a proof binds to it. */
  readonly params: (link: Link) => JoinParams;
  readonly onLink?: (link: Link) => void;
  /** A person is being asked (SE4). */
  readonly onWaiting?: () => void;
  readonly signal: AbortSignal;
}

/** Longer than the host's five minutes (SE4), so that its answer arrives first. */
const ANSWER_TIMEOUT_MS = 6 * 60_000;

/**
 * Dials a member, asks to be let in, and waits for its first manifest. Throws what dialing throws, the host's refusal
 * (`join-refused`, `join-timeout`, `not-admitted`, `invite-expired`), or the signal's reason. A link that led nowhere is closed.
 */
export async function enterSession(request: EnterRequest): Promise<Entered> {
  const { linkHost, peer, addresses, signal } = request;
  const link = await linkHost.dial({ peer, addresses, signal });
  const ended = new AbortController();
  try {
    request.onLink?.(link);
    // Its key is the one that we know, so what it says may be read, although it has not let us in yet (SE3).
    link.admit();
    const heard = collectPeople(link);
    const manifests = collectManifests(link, AbortSignal.any([signal, ended.signal]));
    link.control.handleNotification('waiting', () => request.onWaiting?.());
    const options = { signal, timeoutMs: ANSWER_TIMEOUT_MS };
    const welcome = await link.control.request('join', request.params(link), options);
    const first = await manifests.first;
    return { link, welcome, manifest: () => manifests.newest() ?? first, heard };
  } catch (error) {
    const failure = asPeerweaveError(signal.aborted ? signal.reason : error);
    await link.close(failure);
    throw failure;
  } finally {
    // A signal outlives the many attempts of a guest that catches up; what listened for this one must not.
    ended.abort();
  }
}

/** A member sends its manifest right after its welcome, and again whenever its refs move. */
function collectManifests(
  link: Link,
  signal: AbortSignal,
): { first: Promise<Manifest>; newest: () => Manifest | undefined } {
  let newest: Manifest | undefined;
  const first = new Promise<Manifest>((resolve, reject) => {
    link.onClosed(reject);
    signal.addEventListener('abort', () => reject(asPeerweaveError(signal.reason, 'cancelled')), { once: true });
    link.control.handleNotification('manifest', (manifest) => {
      newest = manifest;
      resolve(manifest);
    });
  });
  // Whoever waits for the welcome hears of a failure there; nobody may be waiting here yet.
  first.catch(() => undefined);
  return { first, newest: () => newest };
}

function collectPeople(link: Link): () => Heard {
  let roster: readonly RosterEntry[] = [];
  const addresses = new Map<PeerId, readonly TransportAddress[]>();
  link.control.handleNotification('roster', ({ entries }) => (roster = entries));
  link.control.handleNotification('presence', ({ members }) => {
    for (const { peer, addresses: where } of members) addresses.set(peer, where);
  });
  return () => ({ roster, addresses });
}

export const cancelled = (): PeerweaveError =>
  new PeerweaveError('cancelled', 'Joining was cancelled; nothing was changed.');
