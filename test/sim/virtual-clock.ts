interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that passes only as things happen: a queue of callbacks by due time, in milliseconds, first set first run among equals. */
export class VirtualClock {
  now = 0;
  /** Callbacks run so far. */
  steps = 0;
  private readonly heap: Entry[] = [];
  private order = 0;

  after(inMs: number, run: () => void): void {
    this.order += 1;
    this.push({ at: this.now + inMs, order: this.order, run });
  }

  /** Runs all that is due until `until`. */
  runUntil(until: number): void {
    while (this.heap.length > 0 && this.heap[0]!.at <= until) this.step();
    this.now = Math.max(this.now, until);
  }

  /** Runs until nothing is left to happen; false when that takes more than `maxSteps` callbacks. */
  runToQuiet(maxSteps: number): boolean {
    const end = this.steps + maxSteps;
    while (this.heap.length > 0) {
      if (this.steps >= end) return false;
      this.step();
    }
    return true;
  }

  private step(): void {
    const entry = this.pop();
    this.now = Math.max(this.now, entry.at);
    this.steps += 1;
    entry.run();
  }

  private push(entry: Entry): void {
    const { heap } = this;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (isBefore(heap[up]!, entry)) break;
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = entry;
  }

  private pop(): Entry {
    const { heap } = this;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && isBefore(heap[down + 1]!, heap[down]!)) down += 1;
      if (isBefore(last, heap[down]!)) break;
      heap[i] = heap[down]!;
      i = down;
    }
    heap[i] = last;
    return first;
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
