import { randomBytes } from 'node:crypto';
import { deferred } from '../../shared/deferred-promise.ts';
import { DisposableStore, type Disposable } from '../../shared/disposable.ts';
import { asPeerweaveError, messageOf, PeerweaveError } from '../../shared/errors.ts';
import { peerText } from '../../shared/peer-text.ts';
import type { Meeting, Signaling, SignalFrom } from '../signaling/signaling.ts';
import type { RoomPeer } from '../signaling/wire/messages.ts';
import { Arrivals } from './arrivals.ts';
import type { FrameChannel } from './frame-channel.ts';
import type { FrameCodec } from './meeting-channel.ts';
import { MeetingConnections } from './meeting-connections.ts';
import type { MessagePort } from './message-port.ts';
import { messageStream } from './message-stream.ts';
import { SALT_BYTES } from './relay-seal.ts';
import { SealedPort } from './sealed-port.ts';
import type { DialOptions, Listener, ListenOptions, Pipe, Transport, TransportAddress } from './transport.ts';

const MEET_TIMEOUT_MS = 10_000;
/** Connections of one person that are tried at once: the newest, for older ones are about to be found dead as a rule. */
const MAX_CANDIDATES = 4;
/** As `refuse` takes it. */
const MAX_REFUSAL_LENGTH = 200;

export interface MeetingTransportOptions {
  readonly signaling: Signaling;
  /** Milliseconds for the probe of a way; see `SealedPort`. */
  readonly probeMs?: number;
  /** Milliseconds that a connection without meetings stays. */
  readonly idleMs?: number;
}

/** What makes a tier of meetings. */
export interface MeetingTier {
  readonly tier: 'relay' | 'json';
  readonly codec: FrameCodec;
  readonly wrap: (port: MessagePort) => MessagePort;
}

/**
 * Pipes through the server of a room: two connections meet there, and pass each other frames that it cannot read (`relay-seal.ts`). An
 * address is `{tier, value: tag}` of a member. Disposed with its signaling; its pipes then have some seconds to end.
 *
 * `dial` also throws `transport-corrupt` when something on the way changes frames, and what signaling throws when it is not to be had.
 */
export class MeetingTransport implements Transport, Disposable {
  readonly tier: MeetingTier['tier'];
  private readonly wrap: MeetingTier['wrap'];
  private readonly options: MeetingTransportOptions;
  private readonly connections: MeetingConnections;
  private readonly arrivals: Arrivals;
  private readonly resources = new DisposableStore();
  private readonly listeners: ListenOptions[] = [];

  constructor({ tier, codec, wrap }: MeetingTier, options: MeetingTransportOptions) {
    const { signaling, idleMs } = options;
    this.tier = tier;
    this.wrap = wrap;
    this.options = options;
    this.connections = new MeetingConnections({
      codec,
      open: (meeting) => signaling.openMeeting(meeting),
      ...(idleMs === undefined ? {} : { idleMs }),
    });
    this.arrivals = new Arrivals({
      timeoutMs: MEET_TIMEOUT_MS,
      attend: (meeting, signal) => this.accept(meeting, signal),
    });
    this.resources.add(this.connections);
    this.resources.add(signaling.onState((state) => state === 'closed' && this.dispose()));
    this.resources.add(signaling.onMessage((message) => this.hear(message)));
    this.resources.add(signaling.onMeeting((meeting) => this.arrivals.serverTold(meeting)));
  }

  async dial(address: TransportAddress, options: DialOptions = {}): Promise<Pipe> {
    const { signal, timeoutMs = MEET_TIMEOUT_MS } = options;
    const deadline = AbortSignal.timeout(timeoutMs);
    const done = new AbortController();
    const stop = AbortSignal.any([deadline, done.signal, ...(signal ? [signal] : [])]);
    try {
      return await this.meetAny(address.value, stop);
    } catch (error) {
      if (signal?.aborted) throw new PeerweaveError('cancelled', 'The connection attempt was cancelled.');
      if (deadline.aborted) throw unreachable(`Nobody came to the ${this.tier} in ${timeoutMs} ms.`, error);
      throw dialFailure(error);
    } finally {
      done.abort();
    }
  }

  async listen(options: ListenOptions): Promise<Listener> {
    this.listeners.push(options);
    return {
      addresses: [{ tier: this.tier, value: this.options.signaling.self.tag }],
      dispose: () => {
        const at = this.listeners.indexOf(options);
        if (at >= 0) this.listeners.splice(at, 1);
      },
    };
  }

  dispose(): void {
    this.listeners.length = 0;
    this.arrivals.clear();
    this.resources.dispose();
  }

  /** A pipe to whichever of the connections with this tag is the first to be there. */
  private async meetAny(tag: string, signal: AbortSignal): Promise<Pipe> {
    const { signaling } = this.options;
    signal.throwIfAborted();
    await signaling.joined(signal);
    const candidates = signaling.peers.filter((peer) => peer.tag === tag).slice(-MAX_CANDIDATES);
    if (candidates.length === 0) throw unreachable('That member is not in the room.');
    const meetings = candidates.map((peer) => this.meet(peer, signal));
    const first = await Promise.any(meetings);
    for (const meeting of meetings) {
      void meeting.then((pipe) => pipe !== first && pipe.stream.destroy()).catch(() => undefined);
    }
    return first;
  }

  /** Asks one connection of a member to meet. */
  private async meet(peer: RoomPeer, signal: AbortSignal): Promise<Pipe> {
    const { signaling } = this.options;
    const meeting = await signaling.meet(peer, signal);
    const { session: attempt } = meeting;
    const refused = new AbortController();
    const subscriptions = new DisposableStore();
    subscriptions.add(
      signaling.onMessage(({ from, message }) => {
        if (message.kind !== 'refuse' || message.attempt !== attempt || from.peer !== peer.peer) return;
        refused.abort(unreachable(`The member does not come: ${peerText(message.message)}`));
      }),
    );
    subscriptions.add(
      signaling.onPeers(() => {
        if (!signaling.peers.some((each) => each.peer === peer.peer))
          refused.abort(unreachable('The member has left.'));
      }),
    );
    try {
      signaling.send(peer, { kind: 'meet', attempt, tier: this.tier });
      return await this.attend(meeting, AbortSignal.any([signal, refused.signal]));
    } catch (error) {
      if (!refused.signal.aborted) this.refuse(meeting, 'given up');
      throw error;
    } finally {
      subscriptions.dispose();
    }
  }

  private hear({ from, message }: SignalFrom): void {
    if (message.kind === 'refuse') return this.arrivals.givenUp(message.attempt, from);
    if (message.kind !== 'meet' || message.tier !== this.tier) return;
    if (this.listeners.length > 0) return this.arrivals.memberTold(message.attempt, from);
    this.options.signaling.send(from, { kind: 'refuse', attempt: message.attempt, message: 'not listening' });
  }

  private async accept(meeting: Meeting, signal: AbortSignal): Promise<void> {
    const listener = this.listeners.at(-1);
    try {
      const pipe = await this.attend(meeting, signal);
      if (listener && this.listeners.includes(listener)) listener.onPipe(pipe);
      else pipe.stream.destroy();
    } catch (error) {
      if (!signal.aborted) this.refuse(meeting, messageOf(error).slice(0, MAX_REFUSAL_LENGTH));
    }
  }

  private refuse({ with: peer, session: attempt }: Meeting, message: string): void {
    this.options.signaling.send(peer, { kind: 'refuse', attempt, message });
  }

  /** Takes our seat, and waits until the way there has shown that it carries bytes both ways. */
  private async attend(meeting: Meeting, signal: AbortSignal): Promise<Pipe> {
    const { promise, resolve, reject } = deferred<Pipe>();
    const abandon = (): void => reject(asPeerweaveError(signal.reason, 'cancelled'));
    signal.addEventListener('abort', abandon, { once: true });
    this.connections.attach(meeting).then((channel) => {
      const port = this.seal(channel, meeting);
      port.onClosed((error) => reject(error ?? unreachable('The meeting was closed.')));
      // In this very turn: messages may follow at once.
      port.onOpen(() => {
        const stream = messageStream(this.wrap(port));
        resolve({ stream, route: this.tier, remote: new URL(meeting.url).host });
      });
      // Whoever gave up was answered by then.
      promise.catch(() => port.close());
    }, reject);
    if (signal.aborted) abandon();
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', abandon);
    }
  }

  private seal(channel: FrameChannel, meeting: Meeting): SealedPort {
    const { signaling, probeMs } = this.options;
    const { self, with: other } = meeting;
    return new SealedPort(channel, {
      ends: { key: signaling.meetingKey(meeting), self, other: other.peer, purpose: this.tier },
      salt: randomBytes(SALT_BYTES),
      ...(probeMs === undefined ? {} : { probeMs }),
    });
  }
}

/** Of several, what became of the newest connection says most. */
function dialFailure(error: unknown): PeerweaveError {
  const newest: unknown = error instanceof AggregateError ? error.errors.at(-1) : error;
  const failure = asPeerweaveError(newest, 'unreachable');
  return failure.reason === 'link-lost' ? unreachable(failure.message, failure) : failure;
}

const unreachable = (message: string, cause?: unknown): PeerweaveError =>
  new PeerweaveError('unreachable', message, { cause });
