import type { Disposable } from '../../shared/disposable.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { Emitter } from '../../shared/events.ts';
import type { IceCandidate } from './ice-candidate.ts';
import type { MessagePort } from './message-port.ts';
import { messageStream } from './message-stream.ts';
import type { SessionDescription } from './session-description.ts';
import type { Pipe } from './transport.ts';
import {
  CHANNEL_LOW_BYTES,
  MAX_CHANNEL_MESSAGE_BYTES,
  type ConnectionCommand,
  type ConnectionEvent,
  type Path,
} from './webrtc-process/wire.ts';

/** The way to a connection in the WebRTC process. */
export interface ConnectionHost {
  command(command: ConnectionCommand): void;
  /** Sends `message` on the data channel; takes it over. */
  send(message: Uint8Array): void;
}

/** A peer connection in the WebRTC process, seen from the engine. */
export class HostedConnection implements Disposable {
  private readonly host: ConnectionHost;
  private readonly described = new Emitter<SessionDescription>();
  private readonly candidate = new Emitter<IceCandidate>();
  private readonly opened = new Emitter<Pipe>();
  private readonly rerouted = new Emitter<void>();
  private readonly ended = new Emitter<PeerweaveError | undefined>();
  private port: HostedPort | undefined;
  private path: Path = { route: 'webrtc', remote: 'unknown' };
  private why = 'WebRTC has not started yet.';
  private done = false;
  /** Our description; an answer with the candidates that are known by now. Once. */
  readonly onDescribed = this.described.event;
  /** The others, once the other side has described itself. */
  readonly onCandidate = this.candidate.event;
  /** Once. The pipe's stream is made in that turn, and whoever gets it closes the connection by closing it. */
  readonly onOpened = this.opened.event;
  /** Once, in any case; an error when it was not us who ended it. */
  readonly onEnded = this.ended.event;

  constructor(host: ConnectionHost) {
    this.host = host;
  }

  /** Begins as the one who dials. */
  offer(): void {
    this.host.command({ kind: 'offer' });
  }

  /** Begins as the one who was dialed. */
  accept(offer: SessionDescription): void {
    this.host.command({ kind: 'accept', offer });
  }

  /** The answer to our offer. */
  answered(answer: SessionDescription): void {
    this.host.command({ kind: 'answered', answer });
  }

  /** Another place where the other side may be. After its description. */
  addCandidate(candidate: IceCandidate): void {
    this.host.command({ kind: 'candidate', candidate });
  }

  /** Why it is not open (yet), for people. */
  whyNot(): string {
    return this.why;
  }

  dispose(): void {
    if (this.done) return;
    this.host.command({ kind: 'dispose' });
    this.end(undefined);
  }

  /** What the process says of it. */
  hear(event: ConnectionEvent): void {
    if (this.done) return;
    switch (event.kind) {
      case 'described':
        return this.described.fire(event.description);
      case 'candidate':
        return this.candidate.fire(event.candidate);
      case 'why':
        this.why = event.text;
        return;
      case 'opened':
        this.path = event.path;
        return this.open();
      case 'path':
        this.path = event.path;
        return this.rerouted.fire();
      case 'sent':
        return this.port?.hearSent(event.bytes);
      case 'ended':
        return this.end(event.failure && new PeerweaveError(event.failure.reason, event.failure.message));
    }
  }

  /** A message that has come by the data channel. */
  receive(message: Uint8Array): void {
    if (!this.done) this.port?.receive(message);
  }

  /** It is gone, by whatever happened to it. */
  end(error: PeerweaveError | undefined): void {
    if (this.done) return;
    this.done = true;
    this.port?.end(error);
    this.ended.fire(error);
  }

  private open(): void {
    const port = new HostedPort(this.host);
    this.port = port;
    const path = (): Path => this.path;
    this.opened.fire({
      stream: messageStream(port),
      get route() {
        return path().route;
      },
      get remote() {
        return path().remote;
      },
      onRoute: this.rerouted.event,
    });
  }
}

/** Its data channel, once that is open. */
class HostedPort implements MessagePort {
  readonly maxMessageBytes = MAX_CHANNEL_MESSAGE_BYTES;
  readonly lowWaterBytes = CHANNEL_LOW_BYTES;
  /** On the way to the process, or in the channel's queue there. */
  queuedBytes = 0;
  private readonly host: ConnectionHost;
  private readonly low = new Emitter<void>();
  private readonly messages = new Emitter<Uint8Array>();
  private readonly closing = new Emitter<Error | undefined>();
  private state: 'open' | 'leaving' | 'closed' = 'open';
  readonly onLow = this.low.event;
  readonly onMessage = this.messages.event;
  readonly onClosed = this.closing.event;

  constructor(host: ConnectionHost) {
    this.host = host;
  }

  send(message: Uint8Array): void {
    if (this.state !== 'open' || message.length === 0) return;
    this.queuedBytes += message.length;
    this.host.send(message);
  }

  close(): void {
    if (this.state !== 'open') return;
    this.state = 'leaving';
    this.host.command({ kind: 'close' });
  }

  receive(message: Uint8Array): void {
    if (this.state === 'open') this.messages.fire(message);
  }

  hearSent(bytes: number): void {
    const before = this.queuedBytes;
    this.queuedBytes -= bytes;
    if (before > this.lowWaterBytes && this.queuedBytes <= this.lowWaterBytes) this.low.fire();
  }

  end(error: Error | undefined): void {
    if (this.state === 'closed') return;
    const byUs = this.state === 'leaving';
    this.state = 'closed';
    this.queuedBytes = 0;
    this.closing.fire(byUs ? undefined : error);
  }
}
