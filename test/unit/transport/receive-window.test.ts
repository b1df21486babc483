import { describe, expect, it } from 'vitest';
import { ReceiveWindow } from '../../../extension/src/p2p/transport/receive-window.ts';

const SIZES = { firstBytes: 64, windowBytes: 1_024 };

/** A window whose sender sends all that it may, and what was granted and not yet read at the most. */
class Flow {
  readonly window = new ReceiveWindow(SIZES);
  most = SIZES.firstBytes;
  private granted = SIZES.firstBytes;
  private arrived = 0;
  private read = 0;

  /** All that was granted arrives. */
  arrive(bytes = this.granted - this.arrived): void {
    if (bytes > 0) this.window.push(Buffer.alloc(bytes));
    this.arrived += bytes;
  }

  /** Reads all that has arrived, and says what it grants. */
  readAll(most?: number): number {
    for (let chunk = this.window.shift(); chunk !== undefined; chunk = this.window.shift()) this.read += chunk.length;
    const credit = this.window.credit(0, most);
    this.granted += credit;
    this.most = Math.max(this.most, this.granted - this.read);
    return credit;
  }

  /** Granted and not read. */
  get open(): number {
    return this.granted - this.read;
  }
}

describe('what a stream grants [LI7]', () => {
  it('grows with what is read, up to a whole window', () => {
    const flow = new Flow();
    const open: number[] = [];
    for (let round = 0; round < 8; round++) {
      flow.arrive();
      flow.readAll();
      open.push(flow.open);
    }
    expect(open).toEqual([128, 384, 1_024, 1_024, 1_024, 1_024, 1_024, 1_024]);
    expect(flow.most).toBe(1_024);
  });

  it('stays small for who sends little', () => {
    const flow = new Flow();
    flow.arrive(10);
    expect([flow.readAll(), flow.open]).toEqual([0, 54]);
    flow.arrive(22);
    expect([flow.readAll(), flow.open]).toEqual([32, 64]);
  });

  it('grants nothing while nothing is read', () => {
    const flow = new Flow();
    flow.arrive();
    expect(flow.window.credit(0)).toBe(0);
    // Handed to somebody who has not read it yet.
    flow.window.shift();
    expect(flow.window.credit(64)).toBe(0);
  });

  it('is held to what there is room for at present, and goes back to that', () => {
    const flow = new Flow();
    for (let round = 0; round < 8; round++) {
      flow.arrive();
      flow.readAll(512);
    }
    expect([flow.open, flow.most]).toEqual([512, 512]);
    flow.arrive(300);
    expect([flow.readAll(100), flow.open]).toEqual([0, 212]);
    flow.arrive(200);
    expect([flow.readAll(100), flow.open]).toEqual([88, 100]);
  });

  it('takes no byte more than it has granted', () => {
    const flow = new Flow();
    flow.arrive();
    expect(() => flow.window.push(Buffer.alloc(1))).toThrow(
      expect.objectContaining({ reason: 'protocol-violation' }) as Error,
    );
  });
});
