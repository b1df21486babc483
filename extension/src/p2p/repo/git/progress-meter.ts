import type { TransferProgress } from '../repository.ts';

/** `Receiving objects:  45% (450/1000)`, ended by a carriage return or, at the end, by `, done.`. */
const LINE = /([A-Z][A-Za-z ]+):\s+\d+% \((\d+)\/(\d+)\)/g;

/** Least milliseconds between two reports: what an eye can follow. */
const REPORT_INTERVAL_MS = 100;

/** Joins what git prints about its progress with the bytes that arrive, and reports both at a bearable rate. */
export class ProgressMeter {
  private readonly report: (progress: TransferProgress) => void;
  private readonly startedAt = performance.now();
  private reportedAt = -Infinity;
  private bytes = 0;
  private current = { task: 'Receiving objects', done: 0, total: 0 };

  constructor(report: ((progress: TransferProgress) => void) | undefined) {
    this.report = report ?? (() => undefined);
  }

  count(bytes: number): void {
    this.bytes += bytes;
    this.tell(false);
  }

  /** Takes a piece of git's stderr; lines cut in two are only skipped. */
  read(text: string): void {
    for (const [, task, done, total] of text.matchAll(LINE)) {
      const next = { task: task ?? '', done: Number(done), total: Number(total) };
      const edge = next.task !== this.current.task || next.done === next.total;
      this.current = next;
      this.tell(edge);
    }
  }

  private tell(now: boolean): void {
    const time = performance.now();
    if (!now && time - this.reportedAt < REPORT_INTERVAL_MS) return;
    this.reportedAt = time;
    const seconds = (time - this.startedAt) / 1000;
    this.report({ ...this.current, bytes: this.bytes, bytesPerSecond: seconds > 0 ? this.bytes / seconds : 0 });
  }
}
