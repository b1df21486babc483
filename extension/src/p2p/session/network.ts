import { disposable, DisposableStore, type Disposable } from '../../shared/disposable.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import { Emitter, type Event } from '../../shared/events.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import { MAX_ADDRESSES } from '../link/control-protocol.ts';
import type { LinkHost } from '../link/link-host.ts';
import type { Signaling, SignalingState } from '../signaling/signaling.ts';
import type { Listener, Tier, TransportAddress } from '../transport/transport.ts';
import { listenForMembers, portOf } from './listening.ts';

/** Tiers that go through the session's room on a signaling server, where a member's address is its tag. */
const ROOM_TIERS: readonly Tier[] = ['webrtc', 'relay', 'json'];

export interface MappedPort extends Disposable {
  readonly address: TransportAddress;
}

export interface NetworkParts {
  readonly linkHost: LinkHost;
  /** Absent without a signaling server. */
  readonly room: Signaling | undefined;
  /** What may be used, best first. */
  readonly tiers: readonly Tier[];
  /** Asks the router to let members in; absent when the person does not want that. */
  readonly mapPort: ((port: number, signal: AbortSignal) => Promise<MappedPort>) | undefined;
  /** Tells when the machine is in another network, or has slept. */
  readonly watch: Disposable & { readonly onChange: Event<void> };
  readonly log: Logger;
}

/** What a person sees of the meeting place. */
export interface RoomStatus {
  readonly url: string;
  readonly state: SignalingState;
  readonly problem: string | undefined;
}

/** A member says where it is. Not believed for identity: whoever answers there must have the member's key. */
export interface Sighting {
  readonly peer: PeerId;
  readonly addresses: readonly TransportAddress[];
}

/** How one session reaches its members: by addresses of their own, and through the room on a signaling server when there is one. */
export class Network implements Disposable {
  readonly linkHost: LinkHost;
  private readonly parts: NetworkParts;
  private readonly resources = new DisposableStore();
  private readonly sightings = new Emitter<Sighting>();
  private readonly changes = new Emitter<void>();
  private readonly moves = new Emitter<void>();
  private listener: Listener | undefined;
  private mapped: MappedPort | undefined;
  readonly onSighting = this.sightings.event;
  /** Somebody came to the room or left it, or its state changed. */
  readonly onChange = this.changes.event;
  /** We can be reached elsewhere than before. */
  readonly onMoved = this.moves.event;

  constructor(parts: NetworkParts) {
    this.parts = parts;
    this.linkHost = parts.linkHost;
    const { room } = parts;
    this.resources.add(parts.watch).onChange(() => this.networkChanged());
    if (room === undefined) return;
    this.resources.add(room.onPeers(() => this.changes.fire()));
    this.resources.add(room.onState(() => this.changes.fire()));
    this.resources.add(
      room.onMessage(({ from, message }) => {
        // Whoever is in the room may say anything; a member is believed about itself only.
        if (message.kind !== 'here' || room.tagOf(message.peer) !== from.tag) return;
        this.sightings.fire({ peer: message.peer, addresses: message.addresses });
      }),
    );
  }

  /** Undefined without a signaling server. */
  get status(): RoomStatus | undefined {
    const { room } = this.parts;
    return room && { url: room.url, state: room.state, problem: room.problem };
  }

  /** Where we can be reached without the room, for others to know. A machine full of virtual networks has more than others take. */
  get addresses(): TransportAddress[] {
    const mapped = this.mapped === undefined ? [] : [this.mapped.address];
    return [...mapped, ...(this.listener?.addresses ?? [])].slice(0, MAX_ADDRESSES);
  }

  /** The port that members know, to be taken again in the next run; `before` when there is none. */
  port(before: number): number {
    return this.listener === undefined ? before : portOf(this.listener.addresses);
  }

  /** All addresses to try for a member that said it is at `known`. */
  addressesOf(peer: PeerId, known: readonly TransportAddress[]): TransportAddress[] {
    const { room, tiers } = this.parts;
    const direct = known.filter(
      ({ tier }) => tier === 'memory' || (tiers.includes(tier) && !ROOM_TIERS.includes(tier)),
    );
    if (room === undefined) return direct;
    return [...direct, ...this.roomTiers().map((tier) => ({ tier, value: room.tagOf(peer) }))];
  }

  /** True when the member is in the room now. */
  isPresent(peer: PeerId): boolean {
    const { room } = this.parts;
    if (room === undefined) return false;
    const tag = room.tagOf(peer);
    return room.peers.some((each) => each.tag === tag);
  }

  /** True once the member is in the room; false when it is not by then, or we are not let in there. Rejects when the signal fires. */
  async awaitPresence(peer: PeerId, patienceMs: number, signal: AbortSignal): Promise<boolean> {
    const patience = AbortSignal.timeout(patienceMs);
    const stop = AbortSignal.any([patience, signal]);
    while (!this.isPresent(peer) && !stop.aborted && !this.isShutOut) await changeOrAbort(this.onChange, stop);
    signal.throwIfAborted();
    return this.isPresent(peer);
  }

  /** True when the server does not let us in, which a person has to see to: it does not pass while somebody waits. */
  private get isShutOut(): boolean {
    const reason = this.parts.room?.failure?.reason;
    return reason === 'signaling-refused' || reason === 'room-full';
  }

  /** `failure`, or what is wrong with the way to the signaling server when that may be the cause. */
  whyUnreachable(name: string, failure: PeerweaveError): PeerweaveError {
    const problem = this.parts.room?.failure;
    if (problem === undefined) {
      return new PeerweaveError('unreachable', `${name} is not there now, or cannot be reached. ${failure.message}`, {
        cause: failure,
      });
    }
    const message = `${name} cannot be reached without the signaling server: ${problem.message}`;
    return new PeerweaveError(problem.reason, message, { cause: failure });
  }

  /**
   * Accepts members, on an own port (`setting` is `HOST:PORT` or empty, `remembered` the port of the run before) and through the room.
   * Throws `bad-request` for a setting that is no place to listen, and `unreachable` for one that cannot be had.
   */
  async listen(setting: string, remembered: number): Promise<void> {
    const { room, tiers, log } = this.parts;
    const usesTcp = tiers.includes('tcp');
    if (usesTcp) this.listener = this.resources.add(await listenForMembers(this.linkHost, setting, remembered));
    for (const tier of room === undefined ? [] : this.roomTiers()) {
      // A tier that cannot work here, as WebRTC without its native part, leaves the others.
      await this.linkHost.listen({ tier }).catch((error: unknown) => log.warn(`No ${tier} here: ${messageOf(error)}`));
    }
    room?.announce(this.addresses);
    if (usesTcp) this.askRouter();
  }

  /** Throws what `listen` would, and keeps nothing. */
  async tryListening(setting: string): Promise<void> {
    if (this.parts.tiers.includes('tcp')) (await listenForMembers(this.linkHost, setting, 0)).dispose();
  }

  dispose(): void {
    this.resources.dispose();
    this.linkHost.dispose();
    this.parts.room?.dispose();
  }

  /** Links and the room look whether they still stand, and everybody hears where we are now. */
  private networkChanged(): void {
    this.parts.room?.networkChanged();
    this.linkHost.networkChanged();
    this.moved();
  }

  private moved(): void {
    this.parts.room?.announce(this.addresses);
    this.moves.fire();
  }

  private roomTiers(): Tier[] {
    return this.parts.tiers.filter((tier) => ROOM_TIERS.includes(tier));
  }

  /** In the background: a router may take seconds to answer, or never do. */
  private askRouter(): void {
    const { mapPort, log } = this.parts;
    if (mapPort === undefined) return;
    const asking = new AbortController();
    this.resources.add(disposable(() => asking.abort()));
    mapPort(this.port(0), asking.signal).then(
      (mapped) => {
        this.mapped = this.resources.add(mapped);
        this.moved();
      },
      (error: unknown) => {
        if (!asking.signal.aborted) log.warn(`The router opens no port: ${messageOf(error)}`);
      },
    );
  }
}

const changeOrAbort = (change: Event<void>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      subscription.dispose();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const subscription = change(done);
    signal.addEventListener('abort', done, { once: true });
  });
