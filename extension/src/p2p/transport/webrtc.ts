import { randomBytes } from 'node:crypto';
import { asPeerweaveError, messageOf, PeerweaveError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { disposable } from '../../shared/disposable.ts';
import type { Signaling } from '../signaling/signaling.ts';
import type { RoomPeer } from '../signaling/wire/messages.ts';
import type { HostedConnection } from './hosted-connection.ts';
import { chooseIceServers, parseIceServers, type IceServerEntry } from './ice-servers.ts';
import { externalAddresses } from './local-addresses.ts';
import { Slots } from './slots.ts';
import type { DialOptions, Listener, ListenOptions, Pipe, Transport, TransportAddress } from './transport.ts';
import { Answering, type AnsweringLimits } from './webrtc-answering.ts';
import { WebRtcAttempt, type AttemptMessage } from './webrtc-attempt.ts';
import { webRtcProcess, type WebRtcProcess } from './webrtc-process.ts';

const DIAL_TIMEOUT_MS = 10_000;
/** Attempts at once to one connection of the room; fewer than the other side takes of one (`AnsweringLimits.perPeer`). */
const MAX_ATTEMPTS_AT_ONCE = 3;
/** Connections of one member that are tried: its newest is nearly always the one. */
const MAX_CONNECTIONS = 4;
const LOOPBACK = '127.0.0.1';
const LOOPBACK_V6 = '::1';
const TAG = /^[A-Za-z0-9_-]{22}$/;
const ID_BYTES = 16;
/** They are nearly always known already. */
const ICE_SERVERS_TIMEOUT_MS = 3_000;

/** What this tier needs of the room. */
export type WebRtcSignaling = Pick<
  Signaling,
  'self' | 'peers' | 'joined' | 'send' | 'iceServers' | 'onPeers' | 'onMessage'
>;

export interface WebRtcOptions {
  readonly log: Logger;
  /** STUN and TURN servers of the person's settings, beside those that the signaling server names; asked for each attempt anew. */
  readonly iceServers?: () => readonly IceServerEntry[];
  /** Certificate authorities for `turns:` in place of the trusted ones, in PEM. */
  readonly ca?: string;
  /** Shows no address to the other side but those of TURN servers. */
  readonly relayOnly?: boolean;
  /** Only this interface. All when absent, or loopback when there is no other. */
  readonly bindAddress?: string;
  readonly limits?: Partial<AnsweringLimits>;
  readonly process?: WebRtcProcess;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** The tier for peers that reach each other through NATs, by ICE: directly where packets get through, else by a TURN server. */
export const webrtcTransport = (signaling: WebRtcSignaling, options: WebRtcOptions): Transport =>
  new WebRtcTransport(signaling, options);

interface Entry {
  /** The connection of the room that the attempt is with; nobody else may say anything of it. */
  readonly with: string;
  readonly attempt: WebRtcAttempt;
}

class WebRtcTransport implements Transport {
  readonly tier = 'webrtc';
  private readonly signaling: WebRtcSignaling;
  private readonly options: WebRtcOptions;
  private readonly log: Logger;
  private readonly process: WebRtcProcess;
  private readonly answering: Answering;
  private readonly attempts = new Map<string, Entry>();
  private readonly slots = new Map<string, Slots>();
  private hearing = false;
  private made = 0;

  constructor(signaling: WebRtcSignaling, options: WebRtcOptions) {
    this.signaling = signaling;
    this.options = options;
    this.log = options.log.scope('transport');
    this.process = options.process ?? webRtcProcess;
    this.answering = new Answering(options.limits ?? {}, options.now ?? (() => performance.now()));
  }

  async dial({ value }: TransportAddress, { signal, timeoutMs = DIAL_TIMEOUT_MS }: DialOptions = {}): Promise<Pipe> {
    const deadline = AbortSignal.timeout(timeoutMs);
    const stop = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
    try {
      if (!TAG.test(value)) throw new PeerweaveError('unreachable', `"${value}" is no address in a room.`);
      if (stop.aborted) throw cancelled();
      this.process.warm();
      await this.signaling.joined(stop);
      this.hear();
      const connections = this.signaling.peers.filter(({ tag }) => tag === value).slice(-MAX_CONNECTIONS);
      if (connections.length === 0) throw new PeerweaveError('unreachable', 'This peer is not in the room now.');
      return await this.dialAny(connections.reverse(), stop);
    } catch (error) {
      if (signal?.aborted) throw cancelled();
      const { reason, message } = asPeerweaveError(error, 'unreachable');
      const why = reason === 'cancelled' ? `There was no answer in ${timeoutMs} ms.` : message;
      throw new PeerweaveError('unreachable', why, { cause: error });
    }
  }

  async listen(options: ListenOptions): Promise<Listener> {
    this.hear();
    this.process.warm();
    const listening = this.answering.listen(options);
    return {
      addresses: [{ tier: this.tier, value: this.signaling.self.tag }],
      // Pipes that were accepted live on; new ones are refused.
      ...disposable(() => listening.dispose()),
    };
  }

  /** All at once: the first that opens. When none does, what came of the newest. */
  private async dialAny(connections: readonly RoomPeer[], signal: AbortSignal): Promise<Pipe> {
    const won = new AbortController();
    const stop = AbortSignal.any([signal, won.signal]);
    let first: Pipe | undefined;
    const dials = connections.map(async (each) => {
      const pipe = await this.dialOne(each, stop);
      // Two may open in one turn.
      if (first !== undefined) pipe.stream.destroy();
      return (first ??= pipe);
    });
    try {
      return await Promise.any(dials);
    } catch (error) {
      throw error instanceof AggregateError ? (error.errors[0] as Error) : error;
    } finally {
      won.abort();
    }
  }

  private async dialOne(to: RoomPeer, signal: AbortSignal): Promise<Pipe> {
    const free = await this.slotsOf(to.peer).take(signal);
    const attempt = this.attempt(randomBytes(ID_BYTES).toString('base64url'), to);
    const onAbort = (): void => attempt.giveUp(new PeerweaveError('unreachable', attempt.whyNot()));
    const watch = this.signaling.onPeers(() => {
      if (attempt.heard || this.signaling.peers.some(({ peer }) => peer === to.peer)) return;
      attempt.giveUp(new PeerweaveError('unreachable', 'This peer has left the room.'));
    });
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      attempt.dial();
      return await attempt.pipe;
    } finally {
      signal.removeEventListener('abort', onAbort);
      watch.dispose();
      free();
    }
  }

  private hear(): void {
    if (this.hearing) return;
    this.hearing = true;
    this.signaling.onMessage(({ from, message }) => {
      if (message.kind === 'offer') return this.hearOffer(from, message.attempt, message.sdp);
      if (message.kind === 'answer' || message.kind === 'candidate' || message.kind === 'refuse') {
        this.hearAbout(from, message);
      }
    });
  }

  private hearOffer(from: RoomPeer, id: string, sdp: string): void {
    // An attempt has one offer, and a stranger cannot take over another's by its id.
    if (!this.answering.hears(from.peer) || this.attempts.has(id)) return;
    const refusal = this.answering.refusal(from.peer);
    if (refusal !== undefined) return this.signaling.send(from, { kind: 'refuse', attempt: id, message: refusal });
    this.answering.take(from.peer, this.attempt(id, from), sdp);
  }

  /** What is said of attempts that are over, or are meetings of other tiers, means nothing here. */
  private hearAbout(from: RoomPeer, message: AttemptMessage): void {
    const entry = this.attempts.get(message.attempt);
    if (entry?.with === from.peer) entry.attempt.hear(message);
  }

  private attempt(id: string, to: RoomPeer): WebRtcAttempt {
    const bindAddress = this.options.bindAddress ?? (externalAddresses().length === 0 ? LOOPBACK : undefined);
    const attempt = new WebRtcAttempt({
      id,
      connect: () => this.connect(bindAddress),
      say: (message) => this.signaling.send(to, message),
      allowLoopback: bindAddress === LOOPBACK || bindAddress === LOOPBACK_V6,
    });
    this.attempts.set(id, { with: to.peer, attempt });
    attempt.onEnded(() => this.attempts.delete(id));
    return attempt;
  }

  private async connect(bindAddress: string | undefined): Promise<HostedConnection> {
    const servers = chooseIceServers(await this.iceServers(), this.made++);
    const { ca, relayOnly = false } = this.options;
    return this.process.open({
      servers,
      relayOnly,
      ...(bindAddress === undefined ? {} : { bindAddress }),
      ...(ca === undefined ? {} : { ca }),
    });
  }

  /** Ours first. Those that cannot be used are left out: without any, peers on one network still meet. */
  private async iceServers(): Promise<ReturnType<typeof parseIceServers>> {
    const own = this.options.iceServers?.() ?? [];
    const named = await this.signaling
      .iceServers(AbortSignal.timeout(ICE_SERVERS_TIMEOUT_MS))
      .catch((error: unknown) => {
        this.log.debug(`no ICE servers from signaling: ${messageOf(error)}`);
        return [];
      });
    return parseIceServers([...own, ...named], ({ message }) => this.log.debug(message));
  }

  private slotsOf(peer: string): Slots {
    for (const each of this.slots.keys()) {
      if (this.signaling.peers.every((known) => known.peer !== each)) this.slots.delete(each);
    }
    const slots = this.slots.get(peer) ?? new Slots(MAX_ATTEMPTS_AT_ONCE);
    this.slots.set(peer, slots);
    return slots;
  }
}

const cancelled = (): PeerweaveError => new PeerweaveError('cancelled', 'The connection attempt was cancelled.');
