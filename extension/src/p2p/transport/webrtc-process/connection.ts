import { DisposableStore, type Disposable } from '../../../shared/disposable.ts';
import { messageOf, PeerweaveError } from '../../../shared/errors.ts';
import { formatEndpoint, formatIceCandidate, parseIceCandidate, type IceCandidate } from '../ice-candidate.ts';
import { watchOwnAddresses } from '../local-addresses.ts';
import { formatSessionDescription, parseSessionDescription, type SessionDescription } from '../session-description.ts';
import { OpenChannel } from './channel.ts';
import { whyNotConnected } from './diagnosis.ts';
import type { DataChannel, PeerConnection, WebRtcLibrary } from './native.ts';
import type { TurnBridge } from './turn-bridge.ts';
import type { ConnectionCommand, ConnectionEvent, ConnectionOptions, Path } from './wire.ts';

const LABEL = 'peerweave';
const MID = '0';
/** Agreed beforehand (RFC 8832 §6.5), so that no other channel is ever wanted. */
const CHANNEL = { negotiated: true, id: 0 };
/** What every IPv6 path takes (RFC 8200 §5); a larger one is found by losing packets, and some paths never tell. */
const MTU = 1_280;

export interface ConnectionParts {
  readonly library: WebRtcLibrary;
  readonly options: ConnectionOptions;
  /** One for each TURN server that is not UDP, in order; the connection owns them. */
  readonly bridges: readonly TurnBridge[];
  readonly tell: (event: ConnectionEvent) => void;
  /** Hands over a message that has come by the channel; `gone` is called when it has left this process. */
  readonly pass: (message: Uint8Array, gone: () => void) => void;
}

/**
 * One peer connection with one data channel, from its making to its end. What the library says of itself goes through the strict
 * readers that peers' words go through. Nothing is ever thrown into the library's callbacks.
 */
export class WebRtcConnection implements Disposable {
  private readonly parts: ConnectionParts;
  private readonly peer: PeerConnection;
  private readonly resources = new DisposableStore();
  private readonly ours: IceCandidate[] = [];
  private readonly theirs: IceCandidate[] = [];
  private channel: DataChannel | undefined;
  private open: OpenChannel | undefined;
  private told = false;
  private heard = false;
  private iceConnected = false;
  /** As the engine knows it; undefined before the channel is open. */
  private path: Path | undefined;
  private done = false;

  /** Throws what the library does for options that it does not take. */
  constructor(parts: ConnectionParts) {
    const { library, options, bridges } = parts;
    this.parts = parts;
    this.peer = new library.PeerConnection(LABEL, {
      iceServers: nativeServers(parts),
      iceTransportPolicy: options.relayOnly ? 'relay' : 'all',
      mtu: MTU,
      ...(options.bindAddress === undefined ? {} : { bindAddress: options.bindAddress }),
    });
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
        this.tellWhy();
      }),
    );
    peer.onStateChange(
      this.guarded((state: string) => {
        if (state === 'failed' || state === 'disconnected' || state === 'closed') this.finish(this.lost());
      }),
    );
  }

  handle(command: ConnectionCommand): void {
    this.guarded(() => {
      switch (command.kind) {
        case 'offer':
          return this.openChannel();
        case 'accept':
          this.hear(command.offer, 'offer');
          return this.openChannel();
        case 'answered':
          return this.hearAnswer(command.answer);
        case 'candidate':
          return this.addCandidate(command.candidate);
        case 'close':
          return this.open?.close();
        case 'dispose':
          return this.dispose();
      }
    })();
  }

  /** Copies `message` before it returns. Nothing happens where no channel is open. */
  send(message: Uint8Array): void {
    this.guarded(() => this.open?.send(message))();
  }

  /** A call that waits for the locks of the library, to find out whether it ever returns. */
  touch(): void {
    if (!this.done) this.peer.getSelectedCandidatePair();
  }

  dispose(): void {
    this.finish(undefined);
  }

  private openChannel(): void {
    const channel = this.peer.createDataChannel(LABEL, CHANNEL);
    this.channel = channel;
    channel.onOpen(this.guarded(() => this.onOpen(channel)));
    channel.onClosed(this.guarded(() => this.finish(this.lost())));
    channel.onError(this.guarded(() => this.finish(this.lost())));
  }

  private hear(description: SessionDescription, type: 'offer' | 'answer'): void {
    this.heard = true;
    this.peer.setRemoteDescription(formatSessionDescription({ ...description, candidates: [] }), type);
    for (const candidate of description.candidates) this.addCandidate(candidate);
  }

  private hearAnswer(answer: SessionDescription): void {
    if (this.heard) return;
    this.hear(answer, 'answer');
    this.told = true;
    for (const candidate of this.ours) this.parts.tell({ kind: 'candidate', candidate });
  }

  private addCandidate(candidate: IceCandidate): void {
    this.theirs.push(candidate);
    try {
      this.peer.addRemoteCandidate(formatIceCandidate(candidate), MID);
    } catch {
      // It is failing, and will say so; a candidate that was understood is not the reason.
    }
    this.tellWhy();
  }

  private describe(sdp: string): void {
    const read = parseSessionDescription(sdp);
    if (read === undefined) throw new Error('The library described itself in a way that we do not read.');
    const tell = (candidates: readonly IceCandidate[]): void =>
      this.parts.tell({ kind: 'described', description: { ...read, candidates } });
    // An offer comes without our addresses. If the other side's checks came before its answer, libdatachannel would start DTLS before it
    // has noted the fingerprint to expect, and refuse the right one. So they are told once the answer is here.
    if (!this.heard) return tell([]);
    // The addresses of our own interfaces come in the same turn: in the answer, they save a message each.
    setImmediate(
      this.guarded(() => {
        this.told = true;
        tell(this.ours);
      }),
    );
  }

  private found(line: string): void {
    const candidate = parseIceCandidate(line, { allowLoopback: true });
    if (candidate === undefined) return;
    this.ours.push(candidate);
    if (this.told) this.parts.tell({ kind: 'candidate', candidate });
    this.tellWhy();
  }

  private onOpen(channel: DataChannel): void {
    const { tell, pass } = this.parts;
    this.open = new OpenChannel(channel, { tell, pass, hangUp: (error) => this.finish(error) });
    const hosts = this.ours.filter(({ type }) => type === 'host').map(({ address }) => address);
    this.resources.add(watchOwnAddresses(hosts, () => this.finish(lost('This machine has left the network.'))));
    this.path = this.presentPath();
    this.parts.tell({ kind: 'opened', path: this.path });
  }

  private presentPath(): Path {
    const pair = this.peer.getSelectedCandidatePair();
    if (pair === null) return this.path ?? { route: 'webrtc', remote: 'unknown' };
    const { local, remote } = pair;
    // A check can come from a TURN server before the candidate that names it, as `prflx` then.
    const relayed = [local.type, remote.type].includes('relay') || this.isRelay(remote.address, remote.port);
    return { route: relayed ? 'webrtc-turn' : 'webrtc', remote: formatEndpoint(remote.address, remote.port) };
  }

  /** Tells when the path is another one than was last told. */
  private lookAtPath(): void {
    if (this.path === undefined) return;
    const path = this.presentPath();
    if (this.path.route === path.route && this.path.remote === path.remote) return;
    this.path = path;
    this.parts.tell({ kind: 'path', path });
  }

  private isRelay(address: string, port: number): boolean {
    return this.theirs.some((each) => each.type === 'relay' && each.address === address && each.port === port);
  }

  private onBridgeFailed({ problem }: TurnBridge): void {
    if (this.done) return;
    this.tellWhy();
    // The library would find it out after 30 s without consent (RFC 7675).
    const relayed = this.open !== undefined && this.peer.getSelectedCandidatePair()?.local.type === 'relay';
    if (relayed) this.finish(lost(problem ?? 'TURN failed.'));
  }

  private tellWhy(): void {
    if (this.open === undefined) this.parts.tell({ kind: 'why', text: this.whyNot() });
  }

  private whyNot(): string {
    const { bridges, options } = this.parts;
    const problems = bridges.map(({ problem }) => problem).filter((problem) => problem !== undefined);
    const { heard, iceConnected, ours, theirs } = this;
    return whyNotConnected({ heard, iceConnected, ours, theirs, servers: options.servers, problems });
  }

  private lost(): PeerweaveError {
    return this.open === undefined
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
    this.done = true;
    this.open?.dispose();
    this.resources.dispose();
    for (const part of [this.channel, this.peer]) {
      try {
        part?.close();
      } catch {
        // It has closed itself.
      }
    }
    const failure = error && { reason: error.reason, message: error.message };
    this.parts.tell({ kind: 'ended', ...(failure === undefined ? {} : { failure }) });
  }
}

function nativeServers({
  options,
  bridges,
}: ConnectionParts): ConstructorParameters<WebRtcLibrary['PeerConnection']>[1]['iceServers'] {
  const rest = [...bridges];
  const { stun, turn } = options.servers;
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
