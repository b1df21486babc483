import { DisposableStore, type Disposable } from '../../shared/disposable.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import { Emitter } from '../../shared/events.ts';
import { formatEndpoint, formatIceCandidate, parseIceCandidate, type IceCandidate } from './ice-candidate.ts';
import type { ChosenIceServers } from './ice-servers.ts';
import { watchOwnAddresses } from './local-addresses.ts';
import { messageStream } from './message-stream.ts';
import { formatSessionDescription, parseSessionDescription, type SessionDescription } from './session-description.ts';
import type { Pipe, Route } from './transport.ts';
import type { TurnBridge } from './turn-bridge.ts';
import { whyNotConnected } from './webrtc-diagnosis.ts';
import type { DataChannel, PeerConnection, WebRtcLibrary } from './webrtc-native.ts';
import { DataChannelPort } from './webrtc-port.ts';

const LABEL = 'peerweave';
const MID = '0';
/** Agreed beforehand (RFC 8832 §6.5), so that no other channel is ever wanted. */
const CHANNEL = { negotiated: true, id: 0 };
/** What every IPv6 path takes (RFC 8200 §5); a larger one is found by losing packets, and some paths never tell. */
const MTU = 1_280;

export interface ConnectionOptions {
  readonly library: WebRtcLibrary;
  readonly servers: ChosenIceServers;
  /** One for each of `servers.turn` that is not UDP, in order; the connection owns them. */
  readonly bridges: readonly TurnBridge[];
  /** Only this interface; all when absent. */
  readonly bindAddress: string | undefined;
  /** Shows the other side no address but those of TURN servers. */
  readonly relayOnly: boolean;
}

/** What the library holds only as long as somebody here does: collected as garbage, a connection stalls without a word. */
const alive = new Set<WebRtcConnection>();

/**
 * One peer connection with one data channel, from its making to its end. Descriptions and candidates go through the strict readers
 * of this folder in both directions. Nothing is ever thrown into the library's callbacks.
 */
export class WebRtcConnection implements Disposable {
  private readonly options: ConnectionOptions;
  private readonly peer: PeerConnection;
  private readonly resources = new DisposableStore();
  private readonly described = new Emitter<SessionDescription>();
  private readonly candidate = new Emitter<IceCandidate>();
  private readonly opened = new Emitter<Pipe>();
  private readonly rerouted = new Emitter<void>();
  private readonly ended = new Emitter<PeerweaveError | undefined>();
  private readonly ours: IceCandidate[] = [];
  private readonly theirs: IceCandidate[] = [];
  private channel: DataChannel | undefined;
  private port: DataChannelPort | undefined;
  private told = false;
  private heard = false;
  private iceConnected = false;
  private path: { readonly route: Route; readonly remote: string } = { route: 'webrtc', remote: 'unknown' };
  /** As others know it; undefined before the pipe is made. */
  private toldPath: WebRtcConnection['path'] | undefined;
  private done = false;
  /** Our description; an answer with the candidates that are known by now. Once. */
  readonly onDescribed = this.described.event;
  /** The others, once the other side has described itself. */
  readonly onCandidate = this.candidate.event;
  /** Once. The pipe's stream is made in that turn, and whoever gets it closes the connection by closing it. */
  readonly onOpened = this.opened.event;
  /** Once, in any case; an error when it was not us who ended it. */
  readonly onEnded = this.ended.event;

  /** Throws what the library does for options that it does not take. */
  constructor(options: ConnectionOptions) {
    const { library, bindAddress, relayOnly, bridges } = options;
    this.options = options;
    this.peer = new library.PeerConnection(LABEL, {
      iceServers: nativeServers(options),
      iceTransportPolicy: relayOnly ? 'relay' : 'all',
      mtu: MTU,
      ...(bindAddress === undefined ? {} : { bindAddress }),
    });
    alive.add(this);
    for (const bridge of bridges) {
      this.resources.add(bridge);
      this.resources.add(bridge.onFailed(() => this.onBridgeFailed(bridge)));
    }
    const { peer } = this;
    peer.onLocalDescription(this.guarded((sdp: string) => this.describe(sdp)));
    peer.onLocalCandidate(this.guarded((line: string) => this.found(line)));
    peer.onDataChannel(this.guarded(() => this.finish(violation('The peer opened a second channel.'))));
    peer.onIceStateChange(
      this.guarded((state: string) => {
        this.iceConnected ||= state === 'connected' || state === 'completed';
        // It is completed when the pair has been agreed upon, which may be a better one than that which was connected first.
        this.lookAtPath();
      }),
    );
    peer.onStateChange(
      this.guarded((state: string) => {
        if (state === 'failed' || state === 'disconnected' || state === 'closed') this.finish(this.lost());
      }),
    );
  }

  /** Begins as the one who dials. */
  offer(): void {
    this.guarded(() => this.openChannel())();
  }

  /** Begins as the one who was dialed. */
  accept(offer: SessionDescription): void {
    this.guarded(() => {
      this.hear(offer, 'offer');
      this.openChannel();
    })();
  }

  /** The answer to our offer. */
  answered(answer: SessionDescription): void {
    if (this.heard) return;
    this.guarded(() => {
      this.hear(answer, 'answer');
      this.told = true;
      for (const candidate of this.ours) this.candidate.fire(candidate);
    })();
  }

  /** Another place where the other side may be. After its description. */
  addCandidate(candidate: IceCandidate): void {
    if (this.done) return;
    this.theirs.push(candidate);
    try {
      this.peer.addRemoteCandidate(formatIceCandidate(candidate), MID);
    } catch {
      // It is failing, and will say so; a candidate that was understood is not the reason.
    }
  }

  /** Why it is not open (yet), for people. */
  whyNot(): string {
    const { servers, bridges } = this.options;
    const problems = bridges.map(({ problem }) => problem).filter((problem) => problem !== undefined);
    const { heard, iceConnected, ours, theirs } = this;
    return whyNotConnected({ heard, iceConnected, ours, theirs, servers, problems });
  }

  dispose(): void {
    this.finish(undefined);
  }

  private openChannel(): void {
    const channel = this.peer.createDataChannel(LABEL, CHANNEL);
    this.channel = channel;
    channel.onOpen(this.guarded(() => this.open(channel)));
    channel.onClosed(this.guarded(() => this.finish(this.lost())));
    channel.onError(this.guarded(() => this.finish(this.lost())));
  }

  private hear(description: SessionDescription, type: 'offer' | 'answer'): void {
    this.heard = true;
    this.peer.setRemoteDescription(formatSessionDescription({ ...description, candidates: [] }), type);
    for (const candidate of description.candidates) this.addCandidate(candidate);
  }

  private describe(sdp: string): void {
    const description = parseSessionDescription(sdp);
    if (description === undefined) throw new Error('The library described itself in a way that we do not read.');
    // An offer comes without our addresses. If the other side's checks came before its answer, libdatachannel would start DTLS before it
    // has noted the fingerprint to expect, and refuse the right one. So they are told once the answer is here.
    if (!this.heard) return this.described.fire({ ...description, candidates: [] });
    // The addresses of our own interfaces come in the same turn: in the answer, they save a message each.
    setImmediate(
      this.guarded(() => {
        this.told = true;
        this.described.fire({ ...description, candidates: [...this.ours] });
      }),
    );
  }

  private found(line: string): void {
    const candidate = parseIceCandidate(line, { allowLoopback: true });
    if (candidate === undefined) return;
    this.ours.push(candidate);
    if (this.told) this.candidate.fire(candidate);
  }

  private open(channel: DataChannel): void {
    const port = new DataChannelPort(channel, () => this.finish(undefined));
    this.port = port;
    const hosts = this.ours.filter(({ type }) => type === 'host').map(({ address }) => address);
    const currentPath = (): WebRtcConnection['path'] => this.currentPath();
    this.resources.add(watchOwnAddresses(hosts, () => this.finish(lost('This machine has left the network.'))));
    this.toldPath = this.currentPath();
    this.opened.fire({
      stream: messageStream(port),
      // Better pairs may still be found in the first two seconds, so it is looked up whenever somebody asks.
      get route() {
        return currentPath().route;
      },
      get remote() {
        return currentPath().remote;
      },
      onRoute: this.rerouted.event,
    });
  }

  private currentPath(): { readonly route: Route; readonly remote: string } {
    const pair = this.done ? null : this.peer.getSelectedCandidatePair();
    if (pair === null) return this.path;
    const { local, remote } = pair;
    // A check can come from a TURN server before the candidate that names it, as `prflx` then.
    const relayed = [local.type, remote.type].includes('relay') || this.isRelay(remote.address, remote.port);
    this.path = { route: relayed ? 'webrtc-turn' : 'webrtc', remote: formatEndpoint(remote.address, remote.port) };
    return this.path;
  }

  /** Tells when the path is another one than was last told. */
  private lookAtPath(): void {
    if (this.toldPath === undefined) return;
    const { route, remote } = this.toldPath;
    this.toldPath = this.currentPath();
    if (this.toldPath.route !== route || this.toldPath.remote !== remote) this.rerouted.fire();
  }

  private isRelay(address: string, port: number): boolean {
    return this.theirs.some((each) => each.type === 'relay' && each.address === address && each.port === port);
  }

  /** The library would find it out after 30 s without consent (RFC 7675). */
  private onBridgeFailed({ problem }: TurnBridge): void {
    if (this.done || this.port === undefined) return;
    if (this.peer.getSelectedCandidatePair()?.local.type === 'relay') this.finish(lost(problem ?? 'TURN failed.'));
  }

  private lost(): PeerweaveError {
    return this.port === undefined
      ? new PeerweaveError('unreachable', this.whyNot())
      : lost('The path to the other side is gone.');
  }

  private guarded<A extends unknown[]>(run: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      if (this.done) return;
      try {
        run(...args);
      } catch (error) {
        this.finish(new PeerweaveError('unreachable', `WebRTC failed: ${messageOf(error)}`, { cause: error }));
      }
    };
  }

  private finish(error: PeerweaveError | undefined): void {
    if (this.done) return;
    this.currentPath();
    this.done = true;
    this.resources.dispose();
    this.port?.end(error);
    for (const part of [this.channel, this.peer]) {
      try {
        part?.close();
      } catch {
        // It has closed itself.
      }
    }
    alive.delete(this);
    this.ended.fire(error);
  }
}

function nativeServers({
  servers,
  bridges,
}: ConnectionOptions): ConstructorParameters<WebRtcLibrary['PeerConnection']>[1]['iceServers'] {
  const rest = [...bridges];
  const { stun, turn } = servers;
  return [
    ...(stun === undefined ? [] : [{ hostname: stun.host, port: stun.port }]),
    ...turn.map(({ host, port, transport, username, credential }) => {
      const bridge = transport === 'udp' ? undefined : rest.shift();
      const at = bridge === undefined ? { hostname: host, port } : { hostname: bridge.host, port: bridge.port };
      return { ...at, username, password: credential, relayType: 'TurnUdp' as const };
    }),
  ];
}

const lost = (message: string): PeerweaveError => new PeerweaveError('link-lost', message);
const violation = (message: string): PeerweaveError => new PeerweaveError('protocol-violation', message);
