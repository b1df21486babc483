import { ChannelMessage, type SshChannel, type SshDataWriter } from '@microsoft/dev-tunnels-ssh';
import type { BandwidthShare } from './bandwidth.ts';

/**
 * What a channel may have in flight. A smaller window slows long paths; a larger one makes a lost direct connection cost more, which is
 * sent again, together with what the ways after it had under way (`STREAM_WINDOW_BYTES`): three of them have to stay below 2 MB.
 */
export const CHANNEL_WINDOW_BYTES = 640 * 1024;

/**
 * What the other side may still send on one channel (RFC 4254 §5.2). The window moves only as the reader consumes, so that a slow reader
 * slows the sender (LI7). A limit on what comes down is kept here, where it holds up the data of one channel and nothing else; a
 * transport that is not read would hold up signs of life and control messages behind what is on its way already.
 */
export class ReceiveWindow {
  private readonly channel: SshChannel;
  private readonly share: BandwidthShare | undefined;
  /** Granted and not consumed yet. */
  private open: number;
  private asking = false;

  /** `share` is absent for a channel that no limit holds up. */
  constructor(channel: SshChannel, share: BandwidthShare | undefined) {
    this.channel = channel;
    this.share = share;
    this.open = channel.maxWindowSize;
  }

  /** The reader has taken so many bytes. */
  consumed(bytes: number): void {
    this.open -= bytes;
    void this.grant();
  }

  private async grant(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    // In halves, as the library does: each grant is a packet.
    for (let size = this.size(); this.open <= size / 2; size = this.size()) {
      const wanted = size - this.open;
      const granted = (await this.share?.credit(wanted)) ?? wanted;
      this.open += granted;
      this.send(granted);
    }
    this.asking = false;
  }

  private size(): number {
    return this.share?.windowBytes(CHANNEL_WINDOW_BYTES) ?? CHANNEL_WINDOW_BYTES;
  }

  private send(bytes: number): void {
    if (this.channel.isClosed) return;
    const message = new WindowAdjust(this.channel.remoteChannelId, bytes);
    // A session that has ended needs no window.
    this.channel.session.sendMessage(message).catch(() => undefined);
  }
}

/** SSH_MSG_CHANNEL_WINDOW_ADJUST (RFC 4254 §5.2); the library has one, and keeps it to itself. */
class WindowAdjust extends ChannelMessage {
  private readonly bytesToAdd: number;

  constructor(recipientChannel: number, bytesToAdd: number) {
    super();
    this.recipientChannel = recipientChannel;
    this.bytesToAdd = bytesToAdd;
  }

  override get messageType(): number {
    return 93;
  }

  protected override onWrite(writer: SshDataWriter): void {
    super.onWrite(writer);
    writer.writeUInt32(this.bytesToAdd);
  }
}
