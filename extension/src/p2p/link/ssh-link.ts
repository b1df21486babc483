import { SshDisconnectReason } from '@microsoft/dev-tunnels-ssh';
import { Emitter } from '../../shared/events.ts';
import { asPeerweaveError, messageOf, PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Pipe, Route, TransportAddress } from '../transport/transport.ts';
import type { ControlPeer } from './control-peer.ts';
import { disconnectText, parseDisconnect } from './disconnect.ts';
import type { ExecStream, Link, LinkHello, LinkState } from './link.ts';
import type { LinkTimings } from './link-timings.ts';
import type { Begun } from './dial-race.ts';
import { Pulse } from './pulse.ts';
import type { RouteKeeper } from './route-keeper.ts';
import { resumeSecret, type ResumeSecret } from './resume-wire.ts';
import { MAX_EXEC_CHANNELS } from './ssh-channels.ts';
import type { AuthenticatedSession } from './ssh-session.ts';
import { Slots } from '../transport/slots.ts';
import { deferred } from '../../shared/deferred-promise.ts';

export interface SshLinkOptions {
  readonly self: PeerId;
  readonly authenticated: AuthenticatedSession;
  /** The transport it was made on. */
  readonly pipe: Pipe;
  readonly control: ControlPeer;
  readonly remote: LinkHello;
  readonly dial: number;
  readonly keeper: RouteKeeper;
  readonly timings: LinkTimings;
  readonly now: () => number;
  readonly log: Logger;
}

/** A link: an authenticated SSH session on a stream that outlives transports. */
export class SshLink implements Link {
  readonly self: PeerId;
  readonly peer: PeerId;
  readonly publicKey: Uint8Array;
  readonly dialer: boolean;
  readonly dial: number;
  readonly sessionBinding: Uint8Array;
  readonly remote: LinkHello;
  readonly control: ControlPeer;
  readonly secret: ResumeSecret;

  private readonly options: SshLinkOptions;
  private readonly stateEmitter = new Emitter<LinkState>();
  private readonly routeEmitter = new Emitter<Route>();
  private readonly closedEmitter = new Emitter<PeerweaveError>();
  private readonly execSlots = new Slots(MAX_EXEC_CHANNELS);
  private readonly pulse: Pulse;
  private currentState: LinkState = 'connected';
  private last: { readonly route: Route; readonly remote: string };
  private rtt: number | undefined;
  private execHandler: (command: string, stream: ExecStream) => boolean = () => false;
  private reconnecting: { readonly abort: AbortController; readonly window: NodeJS.Timeout } | undefined;
  private moveCount = 0;
  private lastTurn = 0;
  private closing: Promise<void> | undefined;
  private closedFor: PeerweaveError | undefined;

  constructor(options: SshLinkOptions) {
    const { authenticated, control, remote, timings, now } = options;
    this.options = options;
    this.self = options.self;
    this.dial = options.dial;
    this.peer = authenticated.peer;
    this.publicKey = authenticated.publicKey;
    this.dialer = authenticated.dialer;
    this.sessionBinding = authenticated.sessionId;
    this.remote = remote;
    this.control = control;
    this.secret = resumeSecret(authenticated.sessionId);
    this.last = options.pipe;
    const { session, stream } = authenticated;
    this.pulse = new Pulse({ stream, timings, now, onSilent: () => stream.detach(silent()) });
    stream.onAttached((pipe) => this.onAttached(pipe));
    stream.onRerouted(({ route }) => this.routeEmitter.fire(route));
    stream.onLost((error) => this.onTransportLost(error));
    stream.onRtt((rtt) => (this.rtt = rtt));
    session.onClosed(({ reason, message }) => this.finish(parseDisconnect(reason, message)));
    // What happened before we listened.
    if (session.isClosed) setImmediate(() => this.finish(new PeerweaveError('link-lost', 'The session has ended.')));
    else if (!stream.current) setImmediate(() => this.onTransportLost(undefined));
  }

  readonly onState = this.stateEmitter.event;
  readonly onRoute = this.routeEmitter.event;
  readonly onClosed = this.closedEmitter.event;

  get state(): LinkState {
    return this.currentState;
  }

  get route(): Route {
    return this.last.route;
  }

  get remoteAddress(): string {
    return this.last.remote;
  }

  get rttMs(): number | undefined {
    return this.rtt;
  }

  get bytesSent(): number {
    return this.stream.traffic.sent;
  }

  get bytesReceived(): number {
    return this.stream.traffic.received;
  }

  get traffic(): Link['traffic'] {
    return this.stream.trafficByRoute;
  }

  get bytesResent(): number {
    return this.stream.bytesResent;
  }

  get moves(): number {
    return this.moveCount;
  }

  get betterRoutes(): Link['betterRoutes'] {
    return this.options.keeper.search.betterRoutes;
  }

  get stream(): AuthenticatedSession['stream'] {
    return this.options.authenticated.stream;
  }

  /**
   * Begins to deliver control messages, and to look for better routes. Called in a later turn than the one that hands the link out, so
   * that handlers are in place. `begun` are transports that were being dialed when this one was faster.
   */
  start(begun: readonly Begun[] = []): void {
    setImmediate(() => {
      this.control.start();
      this.stream.sendPing();
    });
    this.options.keeper.search.start(begun);
  }

  /** Whether this is the newest move that the dialer has asked for; an older one that was long under way is not made any more. */
  claimTurn(turn: number): boolean {
    if (turn <= this.lastTurn) return false;
    this.lastTurn = turn;
    return true;
  }

  /** What carries the link may be gone without a word. */
  networkChanged(): void {
    this.pulse.probe();
    this.options.keeper.networkChanged();
  }

  admit(): void {
    this.control.admit();
    this.options.authenticated.channels.execHandler = (command, stream) => this.execHandler(command, stream);
  }

  updateAddresses(addresses: readonly TransportAddress[]): void {
    const { keeper } = this.options;
    // Who has moved may have left the transport behind without a word.
    if (keeper.search.leaves(addresses)) this.pulse.probe();
    keeper.updateAddresses(addresses);
  }

  async replaceTransport(pipe: Pipe): Promise<void> {
    if (!this.dialer || this.currentState === 'closed') {
      pipe.stream.destroy();
      throw new PeerweaveError('link-lost', 'Only the side that dialed moves a link, and only while it lives.');
    }
    await this.options.keeper.moveTo(pipe);
  }

  /** The peer came by a transport of its own: moves there when it is better, and throws when it is not. */
  async beckoned(pipe: Pipe): Promise<void> {
    await this.options.keeper.beckoned(pipe);
  }

  async exec(command: string, { signal }: { signal?: AbortSignal } = {}): Promise<ExecStream> {
    const release = await this.execSlots.take(signal);
    const opening = this.options.authenticated.channels.openExec(command);
    void opening.then((stream) => stream.once('close', release), release);
    const aborted = deferred<never>();
    const onAbort = (): void => {
      aborted.reject(new PeerweaveError('cancelled', 'Opening the stream was cancelled.'));
      void opening.then((stream) => stream.destroy()).catch(() => undefined);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal?.aborted) onAbort();
      return await Promise.race([opening, aborted.promise]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  onExec(handler: (command: string, stream: ExecStream) => boolean): void {
    this.execHandler = handler;
  }

  close(error: PeerweaveError): Promise<void> {
    this.closing ??= this.closeOnce(error);
    return this.closing;
  }

  private async closeOnce(error: PeerweaveError): Promise<void> {
    if (this.currentState === 'closed') return;
    this.closedFor = error;
    const { session } = this.options.authenticated;
    const { timings } = this.options;
    // A peer that does not read must not keep us; what has not left by then will not.
    const told = session.close(SshDisconnectReason.byApplication, disconnectText(error), error).catch(() => undefined);
    const patience = deferred();
    const timer = setTimeout(patience.resolve, timings.close);
    await Promise.race([told, patience.promise]);
    clearTimeout(timer);
    this.finish(error);
  }

  /** Final, whoever closed; if it was us, for our reason, which the session only knows as text. */
  private finish(found: PeerweaveError): void {
    if (this.currentState === 'closed') return;
    const error = this.closedFor ?? found;
    const { session } = this.options.authenticated;
    this.currentState = 'closed';
    this.pulse.dispose();
    this.stopReconnecting();
    this.options.keeper.dispose();
    this.control.dispose(error);
    this.execSlots.close(error);
    this.options.log.debug(`link with ${this.peer} closed: ${error.reason}: ${error.message}`);
    this.stateEmitter.fire('closed');
    this.closedEmitter.fire(error);
    // In a turn of its own: the session may be in the middle of telling us that it is closed.
    setImmediate(() => {
      session.dispose();
      void this.stream.close();
    });
  }

  private setState(state: LinkState): void {
    if (this.currentState === state || this.currentState === 'closed') return;
    this.currentState = state;
    this.stateEmitter.fire(state);
  }

  private onAttached(pipe: Pipe): void {
    if (this.currentState === 'closed') return;
    clearTimeout(this.reconnecting?.window);
    this.reconnecting = undefined;
    const { route, remote } = this.last;
    this.last = pipe;
    this.moveCount += 1;
    this.pulse.restart();
    if (route !== pipe.route || remote !== pipe.remote) this.routeEmitter.fire(pipe.route);
    this.setState('connected');
  }

  private onTransportLost(error: Error | undefined): void {
    if (this.currentState === 'closed' || this.reconnecting || this.stream.current) return;
    const { log, timings, keeper } = this.options;
    // The peer leaves the old transport first. When it comes to nothing, this one was lost.
    if (this.dialer && keeper.moving) return void keeper.moving.then(() => this.onTransportLost(error));
    log.debug(`link with ${this.peer} dropped${error ? `: ${messageOf(error)}` : ''}`);
    const window = setTimeout(
      () => void this.close(new PeerweaveError('link-lost', 'The connection was lost and did not come back.')),
      timings.reconnectWindow,
    );
    const abort = new AbortController();
    this.reconnecting = { abort, window };
    this.setState('reconnecting');
    void this.reconnect(keeper, abort.signal);
  }

  private async reconnect(keeper: RouteKeeper, signal: AbortSignal): Promise<void> {
    try {
      await keeper.reconnect(signal);
    } catch (error) {
      if (this.reconnecting?.abort.signal === signal) void this.close(asPeerweaveError(error, 'link-lost'));
    }
  }

  private stopReconnecting(): void {
    clearTimeout(this.reconnecting?.window);
    this.reconnecting?.abort.abort();
    this.reconnecting = undefined;
  }
}

const silent = (): PeerweaveError => new PeerweaveError('peer-silent', 'The peer has not been heard for too long.');
