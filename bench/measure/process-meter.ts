import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a process took between two moments; its children (git) are counted apart. proc(5) is the source, so Linux only. */
export interface Usage {
  /** Highest resident set of the process itself, in bytes: VmHWM. */
  readonly peakRss: number;
  /** Highest sampled sum of the resident sets of its children. Shared pages, such as mapped packs, count in each. */
  readonly childrenPeakRss: number;
  readonly seconds: number;
  /** Seconds of a core. */
  readonly cpuSeconds: number;
  readonly childrenCpuSeconds: number;
}

const SAMPLE_MS = 50;
/** USER_HZ; 100 wherever Linux runs. */
const TICKS_PER_SECOND = 100;

/** Seconds of a core. */
interface CpuTime {
  readonly own: number;
  readonly children: number;
}

/** Measures one process and its children from now until `stop`. */
export class ProcessMeter {
  private readonly pid: number;
  private readonly started = performance.now();
  private readonly before: CpuTime;
  private readonly timer: NodeJS.Timeout;
  private childrenPeak = 0;

  constructor(pid: number) {
    this.pid = pid;
    // 5 sets the peak back to what is resident now.
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    this.before = cpuTime(pid);
    this.timer = setInterval(() => {
      this.childrenPeak = Math.max(this.childrenPeak, sum(descendants(pid).map((child) => memory(child, 'VmRSS'))));
    }, SAMPLE_MS);
  }

  stop(): Usage {
    clearInterval(this.timer);
    const after = cpuTime(this.pid);
    return {
      peakRss: memory(this.pid, 'VmHWM'),
      childrenPeakRss: this.childrenPeak,
      seconds: (performance.now() - this.started) / 1_000,
      cpuSeconds: after.own - this.before.own,
      childrenCpuSeconds: after.children - this.before.children,
    };
  }
}

/** Seconds of a core that a process and its children, ended or running, have taken so far. */
export function cpuSeconds(pid: number): number {
  return sum(Object.values(cpuTime(pid)));
}

/** Resolves when a process has no more children than `count`; at the latest after a second. */
export async function untilChildren(pid: number, count: number): Promise<void> {
  const deadline = performance.now() + 1_000;
  while (descendants(pid).length > count && performance.now() < deadline) await sleep(10);
}

const QUIET_SAMPLE_MS = 300;
const QUIET_PATIENCE_MS = 30_000;

/** Resolves when a process and its children have come to rest: less than a tenth of a core for a while. Throws when they do not. */
export async function untilQuiet(pid: number): Promise<void> {
  const deadline = performance.now() + QUIET_PATIENCE_MS;
  for (let before = cpuSeconds(pid), taken = Infinity; taken > QUIET_SAMPLE_MS / 10_000;) {
    if (performance.now() > deadline) throw new Error(`Process ${pid} does not come to rest.`);
    await sleep(QUIET_SAMPLE_MS);
    const now = cpuSeconds(pid);
    [taken, before] = [now - before, now];
  }
}

export const countChildren = (pid: number): number => descendants(pid).length;

/** Seconds of a core that children of this process have taken which have ended; not those that still run. */
export const endedChildrenCpuSeconds = (): number => ticks(process.pid).reaped / TICKS_PER_SECOND;

/** Bytes; 0 when the process is gone. */
function memory(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(read(`/proc/${pid}/status`));
  return Number(line?.[1] ?? 0) * 1_024;
}

/**
 * Own time by the scheduler's clock, for the ticks of `stat` never see work that is shorter than a tick, which is all that an idle
 * process does; and the time of children that ended and were waited for, with that of those that run now.
 */
function cpuTime(pid: number): CpuTime {
  const threads = tasks(pid).map((task) => Number(read(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0]) / 1e9);
  const running = descendants(pid).map((child) => ticks(child).own + ticks(child).reaped);
  return { own: sum(threads), children: (ticks(pid).reaped + sum(running)) / TICKS_PER_SECOND };
}

function ticks(pid: number): { own: number; reaped: number } {
  const text = read(`/proc/${pid}/stat`);
  // The name in brackets may hold spaces; after it the state is field 3, utime field 14.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return { own: (fields[11] ?? 0) + (fields[12] ?? 0), reaped: (fields[13] ?? 0) + (fields[14] ?? 0) };
}

function descendants(pid: number): number[] {
  const children = tasks(pid).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function tasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
