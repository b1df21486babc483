/** Bytes that have arrived and were not read yet, in the chunks they came in. */
export class Inbox {
  private chunks: Buffer[] = [];
  private held = 0;

  get bytes(): number {
    return this.held;
  }

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.held += chunk.length;
  }

  /** Up to `count` bytes, or undefined when there are none. */
  take(count: number): Buffer | undefined {
    const first = this.chunks[0];
    if (!first) return undefined;
    const data = first.subarray(0, count);
    if (data.length === first.length) this.chunks.shift();
    else this.chunks[0] = first.subarray(count);
    this.held -= data.length;
    return data;
  }
}
