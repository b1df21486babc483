/**
 * pkt-line framing (gitprotocol-common(5)): four hex digits of length, which count themselves, then the payload; `0000` is a
 * flush. After the negotiation, side-band-64k packets carry one band byte first: 1 pack data, 2 progress, 3 a fatal error.
 */

/** `flush`, or the payload. */
export type Packet = Buffer | 'flush';

export const FLUSH = '0000';
/** Largest packet by the format. */
const MAX_PACKET = 65_520;

export const pktLine = (text: string): string => (Buffer.byteLength(text) + 4).toString(16).padStart(4, '0') + text;

/** The other side broke the framing, or went away in the middle of it. */
export class PktLineError extends Error {
  override readonly name = 'PktLineError';
}

/** Pulls packets off a byte stream; holds no more than one chunk of the stream and one packet. */
export class PktLineReader {
  private readonly source: AsyncIterator<Buffer>;
  private buffered: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** The next packet; undefined when the stream ended between packets. Throws `PktLineError`. */
  async packet(): Promise<Packet | undefined> {
    const length = await this.length();
    if (length === undefined) return undefined;
    if (length === 0) return 'flush';
    if (!(await this.fill(length - 4))) throw new PktLineError('the stream ended inside a packet');
    return this.take(length - 4);
  }

  /**
   * Side-band packets until the flush. Band 1 comes in slices as they arrive, whatever the packet's size, so that a pack is
   * never copied on its way. Throws `PktLineError`, also for band 3 and when the stream ends before the flush.
   */
  async *sideband(onProgress: (text: string) => void): AsyncGenerator<Buffer> {
    for (;;) {
      const length = await this.length();
      if (length === undefined) throw new PktLineError('the stream ended before the pack did');
      if (length === 0) return;
      let left = length - 5;
      if (left < 0 || !(await this.fill(1))) throw new PktLineError('a side-band packet without a band');
      const band = this.take(1)[0];
      if (band === 1) {
        while (left > 0) {
          if (!(await this.fill(1))) throw new PktLineError('the stream ended inside the pack');
          const slice = this.take(Math.min(left, this.buffered.length));
          left -= slice.length;
          yield slice;
        }
      } else {
        if (!(await this.fill(left))) throw new PktLineError('the stream ended inside a packet');
        const text = this.take(left).toString('utf8');
        if (band !== 2) throw new PktLineError(`the peer's git failed: ${text.trim().slice(0, 500)}`);
        onProgress(text);
      }
    }
  }

  private async length(): Promise<number | undefined> {
    if (!(await this.fill(4))) {
      if (this.buffered.length > 0) throw new PktLineError('the stream ended inside a packet length');
      return undefined;
    }
    const digits = this.take(4).toString('latin1');
    const length = /^[0-9a-f]{4}$/i.test(digits) ? parseInt(digits, 16) : -1;
    if (length !== 0 && (length < 4 || length > MAX_PACKET)) throw new PktLineError('bad packet length');
    return length;
  }

  private async fill(size: number): Promise<boolean> {
    while (this.buffered.length < size) {
      const next = await this.source.next();
      if (next.done === true) return false;
      this.buffered = this.buffered.length === 0 ? next.value : Buffer.concat([this.buffered, next.value]);
    }
    return true;
  }

  private take(size: number): Buffer {
    const taken = this.buffered.subarray(0, size);
    this.buffered = this.buffered.subarray(size);
    return taken;
  }
}
