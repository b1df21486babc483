import {
  ChannelOpenMessage,
  ChannelRequestMessage,
  ChannelRequestType,
  CommandRequestMessage,
  PromiseCompletionSource,
  SshChannel,
  SshChannelError,
  SshChannelOpenFailureReason,
  type SshChannelOpeningEventArgs,
  type SshRequestEventArgs,
  type SshSession,
} from '@microsoft/dev-tunnels-ssh';
import type { ConnectionService } from '@microsoft/dev-tunnels-ssh/services/connectionService';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import { ChannelStream } from './channel-stream.ts';
import { CHANNEL_WINDOW_BYTES } from './receive-window.ts';
import type { ResumableStream } from './resumable-stream.ts';
import { deferred } from '../../shared/deferred-promise.ts';

/** RFC 4250 §4.6.1: a private name carries an `@`. */
const CONTROL_CHANNEL = 'control@peerweave';
const EXEC_CHANNEL = SshChannel.sessionChannelType;
/** Streams that a peer may have open here: with as many of ours, 2.5 MiB of windows a link, of the 4 MiB of LI7. */
export const MAX_EXEC_CHANNELS = 2;

interface OpenedChannel {
  readonly channel: SshChannel;
  readonly stream: ChannelStream;
}

/** Returns false to refuse. */
export type ExecHandler = (command: string, stream: ChannelStream) => boolean;

/**
 * The channels of one SSH session: one control channel, opened by the dialer, and `exec` channels both ways. Listens from before the
 * session is authenticated, since the first channel may be opened in the same packet that ends authentication.
 */
export class SshChannels {
  private readonly session: SshSession;
  private readonly under: ResumableStream;
  private readonly dialer: boolean;
  private readonly control = deferred<ChannelStream>();
  private controlOpened = false;
  /** Made when the library announces a channel, before any data can arrive on it. */
  private readonly ours = new WeakMap<SshChannel, ChannelStream>();
  private readonly peerExecs = new Set<SshChannel>();
  /** Undefined until the peer is admitted. */
  execHandler: ExecHandler | undefined;

  constructor(session: SshSession, under: ResumableStream, dialer: boolean) {
    this.session = session;
    this.under = under;
    this.dialer = dialer;
    session.onChannelOpening((opening) => this.onOpening(opening));
  }

  /** The control channel: opens it on the dialer's side, awaits it on the acceptor's. Never settles when the session ends first. */
  async openControl(): Promise<ChannelStream> {
    if (this.dialer) this.control.resolve((await this.open(CONTROL_CHANNEL)).stream);
    return this.control.promise;
  }

  /** Throws `PeerweaveError`: `not-admitted`, `engine-busy`, `bad-request` (the peer does not serve `command`), `link-lost`. */
  async openExec(command: string): Promise<ChannelStream> {
    const { channel, stream } = await this.open(EXEC_CHANNEL);
    const request = new CommandRequestMessage();
    request.command = command;
    request.wantReply = true;
    const accepted = await channel.request(request).catch(() => false);
    if (accepted) return stream;
    const reason = this.session.isClosed ? 'link-lost' : 'bad-request';
    stream.destroy();
    throw new PeerweaveError(reason, 'The peer does not serve what was asked for.');
  }

  /**
   * The library's `openChannel` leaves a rejected promise without a handler when the session ends at the wrong moment, which would end the
   * process; so its inner part is called with a completion of our own. It also gives us the channel before data can arrive on it.
   */
  private async open(channelType: string): Promise<OpenedChannel> {
    const opened = new PromiseCompletionSource<SshChannel>();
    opened.promise.catch(() => undefined);
    const message = new ChannelOpenMessage();
    message.channelType = channelType;
    message.maxWindowSize = this.windowOf(channelType);
    try {
      const service = this.session.activateService('ssh-connection') as ConnectionService | null;
      if (!service || this.session.isClosed) throw new Error('the session is closed');
      await service.openChannel(message, opened);
      const channel = await opened.promise;
      const stream = this.ours.get(channel);
      if (!stream) throw new Error('the channel was not announced');
      return { channel, stream };
    } catch (error) {
      throw openFailure(error);
    }
  }

  private onOpening(opening: SshChannelOpeningEventArgs): void {
    const { channel } = opening;
    if (!opening.isRemoteRequest) {
      this.ours.set(channel, this.streamOn(channel, true));
      return;
    }
    const refuse = (reason: SshChannelOpenFailureReason, description: string): void => {
      opening.failureReason = reason;
      opening.failureDescription = description;
    };
    if (channel.channelType === CONTROL_CHANNEL && !this.dialer && !this.controlOpened) {
      this.controlOpened = true;
      this.control.resolve(this.accept(channel));
    } else if (channel.channelType !== EXEC_CHANNEL) {
      refuse(SshChannelOpenFailureReason.unknownChannelType, 'No such channel here.');
    } else if (!this.execHandler) {
      refuse(SshChannelOpenFailureReason.administrativelyProhibited, 'Join first.');
    } else if (this.peerExecs.size >= MAX_EXEC_CHANNELS) {
      refuse(SshChannelOpenFailureReason.resourceShortage, 'Too many streams at once.');
    } else {
      this.acceptExec(channel);
    }
  }

  private accept(channel: SshChannel): ChannelStream {
    channel.maxWindowSize = this.windowOf(channel.channelType);
    // The library remembers every opened channel until somebody accepts it.
    this.session.acceptChannel(channel.channelType).catch(() => undefined);
    return this.streamOn(channel, false);
  }

  private streamOn(channel: SshChannel, opener: boolean): ChannelStream {
    return new ChannelStream(channel, this.under, { opener, urgent: channel.channelType === CONTROL_CHANNEL });
  }

  /** A limit makes the first window small already, but not that of the control channel. */
  private windowOf(channelType: string): number {
    const limited = channelType === CONTROL_CHANNEL ? undefined : this.under.share;
    return limited?.windowBytes(CHANNEL_WINDOW_BYTES) ?? CHANNEL_WINDOW_BYTES;
  }

  private acceptExec(channel: SshChannel): void {
    this.peerExecs.add(channel);
    channel.onClosed(() => this.peerExecs.delete(channel));
    const stream = this.accept(channel);
    let requested = false;
    channel.onRequest((args: SshRequestEventArgs<ChannelRequestMessage>) => {
      const first = args.requestType === (ChannelRequestType.command as string) && !requested;
      // Others (`env`, `pty-req`, `signal`, …) are refused by saying nothing.
      if (!first) return;
      requested = true;
      const { command = '' } = args.request.convertTo(new CommandRequestMessage());
      args.isAuthorized = this.execHandler?.(command, stream) ?? false;
    });
  }
}

function openFailure(error: unknown): PeerweaveError {
  if (!(error instanceof SshChannelError)) {
    return new PeerweaveError('link-lost', `The stream could not be opened: ${messageOf(error)}`, { cause: error });
  }
  switch (error.reason) {
    case SshChannelOpenFailureReason.administrativelyProhibited:
      return new PeerweaveError('not-admitted', 'The peer has not admitted this side yet.', { cause: error });
    case SshChannelOpenFailureReason.resourceShortage:
      return new PeerweaveError('engine-busy', 'The peer serves too many streams already.', { cause: error });
    default:
      return new PeerweaveError('bad-request', `The peer refused the stream: ${messageOf(error)}`, { cause: error });
  }
}
