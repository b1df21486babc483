import { asPeerweaveError, messageOf, PeerweaveError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { ChannelStream } from './channel-stream.ts';
import {
  BEFORE_ADMISSION,
  controlSchemas,
  MAX_CONTROL_FRAME_BYTES,
  MAX_MESSAGE_BURST,
  MAX_MESSAGES_PER_SECOND,
  MAX_UNADMITTED_FRAME_BYTES,
  type ControlNotifications,
  type ControlRequests,
} from './control-protocol.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import { decodeHello, encodeHello } from './hello.ts';
import {
  decodeMessage,
  encodeError,
  encodeNotification,
  encodeRequest,
  encodeResult,
  violation,
  type Incoming,
} from './json-rpc.ts';
import type { ControlChannel, LinkHello } from './link.ts';
import { PendingRequests } from './pending-requests.ts';
import { RateLimit } from '../../shared/rate-limit.ts';
import { deferred } from '../../shared/deferred-promise.ts';

/** Requests of the peer that wait for our answer. It has no honest use for more than a handful. */
const MAX_UNANSWERED = 32;
/** What may wait for a peer that does not read; one whole frame more fits on top. */
const MAX_QUEUED_BYTES = MAX_CONTROL_FRAME_BYTES;

export interface ControlPeerOptions {
  readonly stream: ChannelStream;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly requestTimeoutMs: number;
  /** Called once, when the peer broke the protocol or the channel ended: the link must close with this reason (LI8). */
  readonly onFailure: (error: PeerweaveError) => void;
}

type RequestHandler = (params: never) => Promise<unknown>;
type NotificationHandler = (params: never) => void;

/** The control channel of one link: hello first (LI6), then JSON-RPC once started. */
export class ControlPeer implements ControlChannel {
  private readonly options: ControlPeerOptions;
  private readonly frames = new FrameReader(MAX_UNADMITTED_FRAME_BYTES);
  private readonly rate: RateLimit;
  private readonly pending = new PendingRequests();
  private readonly hello = deferred<LinkHello>();
  private readonly started = deferred();
  private readonly requestHandlers = new Map<string, RequestHandler>([['ping', async () => ({})]]);
  private readonly notificationHandlers = new Map<string, NotificationHandler>();
  private unanswered = 0;
  private admitted = false;
  private closed: PeerweaveError | undefined;

  constructor(options: ControlPeerOptions) {
    this.options = options;
    this.rate = new RateLimit(MAX_MESSAGES_PER_SECOND, MAX_MESSAGE_BURST, options.now);
    this.hello.promise.catch(() => undefined);
    void this.run();
  }

  /**
   * Sends our hello and resolves to theirs, when ours has left: whoever then hangs up over what it read has still been heard.
   * Rejects with `protocol-violation` or the reason that the channel ended for.
   */
  async exchangeHello(ours: LinkHello): Promise<LinkHello> {
    await new Promise((resolve) => this.options.stream.write(encodeFrame(encodeHello(ours)), resolve));
    return this.hello.promise;
  }

  /** Begins to deliver messages; handlers are to be in place. */
  start(): void {
    this.started.resolve();
  }

  admit(): void {
    this.admitted = true;
    this.frames.limit = MAX_CONTROL_FRAME_BYTES;
  }

  /** Ends the channel; whatever waits for an answer is rejected with `error`. */
  dispose(error: PeerweaveError): void {
    if (this.closed) return;
    this.closed = error;
    this.pending.rejectAll(error);
    this.hello.reject(error);
    this.started.resolve();
    this.options.stream.destroy();
  }

  async request<M extends keyof ControlRequests>(
    method: M,
    params: ControlRequests[M]['params'],
    { signal, timeoutMs = this.options.requestTimeoutMs }: { signal?: AbortSignal; timeoutMs?: number } = {},
  ): Promise<ControlRequests[M]['result']> {
    if (this.closed) throw this.closed;
    const { id, answer } = this.pending.add(method, timeoutMs, signal);
    this.send(encodeRequest(id, method, params));
    const result = controlSchemas.requests[method].result.safeParse(await answer);
    if (result.success) return result.data as ControlRequests[M]['result'];
    const error = violation(`The peer answered "${method}" with something else.`, result.error);
    this.fail(error);
    throw error;
  }

  notify<M extends keyof ControlNotifications>(method: M, params: ControlNotifications[M]): void {
    if (!this.closed) this.send(encodeNotification(method, params));
  }

  handleRequest<M extends keyof ControlRequests>(
    method: M,
    handler: (params: ControlRequests[M]['params']) => Promise<ControlRequests[M]['result']>,
  ): void {
    this.requestHandlers.set(method, handler);
  }

  handleNotification<M extends keyof ControlNotifications>(
    method: M,
    handler: (params: ControlNotifications[M]) => void,
  ): void {
    this.notificationHandlers.set(method, handler);
  }

  private async run(): Promise<void> {
    try {
      let greeted = false;
      for await (const chunk of this.options.stream) {
        this.frames.push(chunk as Buffer);
        for (let frame = this.frames.next(); frame; frame = this.frames.next()) {
          if (greeted) await this.receive(frame);
          else this.hello.resolve(decodeHello(frame));
          greeted = true;
        }
      }
      this.fail(new PeerweaveError('link-lost', 'The peer closed the control channel.'));
    } catch (error) {
      this.fail(asPeerweaveError(error, 'link-lost'));
    }
  }

  private fail(error: PeerweaveError): void {
    if (this.closed) return;
    this.dispose(error);
    this.options.onFailure(error);
  }

  private send(payload: Buffer): void {
    const { stream } = this.options;
    if (payload.length > MAX_CONTROL_FRAME_BYTES) {
      throw new PeerweaveError(
        'message-too-large',
        `A message of ${payload.length} bytes is more than a peer accepts.`,
      );
    }
    if (stream.writableLength > MAX_QUEUED_BYTES) {
      this.fail(new PeerweaveError('peer-silent', 'The peer has stopped reading.'));
    } else {
      stream.write(encodeFrame(payload));
    }
  }

  private async receive(frame: Buffer): Promise<void> {
    await this.started.promise;
    if (this.closed) return;
    if (!this.rate.take()) throw new PeerweaveError('rate-limited', 'The peer sends more messages than anybody needs.');
    const incoming = decodeMessage(frame);
    switch (incoming.kind) {
      case 'request':
        this.onRequest(incoming);
        return;
      case 'notification':
        this.onNotification(incoming);
        return;
      case 'result':
      case 'error':
        this.pending.settle(incoming);
        // Whoever waited may admit the peer because of this answer; the next message must find that done.
        return new Promise((resolve) => setImmediate(resolve));
    }
  }

  private onRequest({ id, method, params }: Incoming & { kind: 'request' }): void {
    const refuse = (error: PeerweaveError): void => this.send(encodeError(id, error));
    const handler = this.requestHandlers.get(method);
    if (this.unanswered >= MAX_UNANSWERED)
      return refuse(new PeerweaveError('engine-busy', 'Too many requests at once.'));
    if (!isRequest(method) || !handler)
      return refuse(new PeerweaveError('bad-request', `There is no "${method}" here.`));
    if (!this.admitted && !BEFORE_ADMISSION.has(method)) return refuse(notAdmitted(method));
    const decoded = controlSchemas.requests[method].params.safeParse(params);
    if (!decoded.success) throw violation(`The peer sent a malformed "${method}".`, decoded.error);
    this.unanswered += 1;
    void this.answer(id, method, () => handler(decoded.data as never));
  }

  private async answer(id: number, method: string, handle: () => Promise<unknown>): Promise<void> {
    let payload: Buffer;
    try {
      payload = encodeResult(id, await handle());
    } catch (error) {
      // What is not ours to say (paths, stack traces) stays in our log.
      if (!(error instanceof PeerweaveError)) this.options.log.error(`"${method}" failed: ${messageOf(error)}`);
      payload = encodeError(
        id,
        error instanceof PeerweaveError
          ? error
          : new PeerweaveError('internal', 'Something went wrong on the other side.'),
      );
    }
    this.unanswered -= 1;
    if (!this.closed) this.send(payload);
  }

  private onNotification({ method, params }: Incoming & { kind: 'notification' }): void {
    const handler = this.notificationHandlers.get(method);
    if (!isNotification(method)) return this.options.log.debug(`ignored unknown "${method.slice(0, 64)}"`);
    if (!this.admitted && !BEFORE_ADMISSION.has(method)) throw notAdmitted(method);
    const decoded = controlSchemas.notifications[method].safeParse(params);
    if (!decoded.success) throw violation(`The peer sent a malformed "${method}".`, decoded.error);
    if (!handler) return this.options.log.debug(`nobody handles "${method}"`);
    try {
      handler(decoded.data as never);
    } catch (error) {
      this.options.log.error(`handling "${method}" failed: ${messageOf(error)}`);
    }
  }
}

const isRequest = (method: string): method is keyof ControlRequests => Object.hasOwn(controlSchemas.requests, method);
const isNotification = (method: string): method is keyof ControlNotifications =>
  Object.hasOwn(controlSchemas.notifications, method);
const notAdmitted = (method: string): PeerweaveError =>
  new PeerweaveError('not-admitted', `"${method.slice(0, 64)}" is only for peers that have joined.`);
