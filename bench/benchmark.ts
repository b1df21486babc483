/** What is run, in which size. */
export interface BenchmarkOptions {
  /** Folder that the run may fill; removed afterwards. */
  readonly scratch: string;
  /** Interleaved repetitions of the join. */
  readonly rounds: number;
  /** Commits whose propagation is timed, of each contender. */
  readonly commits: number;
  /** Seconds of idling that are measured. */
  readonly idleSeconds: number;
  /** Says what is going on; nothing of it is a result. */
  readonly say: (text: string) => void;
}

/** A figure that the project has set itself a limit for. Missing it is reported and fails nothing. */
export interface Target {
  readonly what: string;
  readonly value: number;
  readonly limit: number;
  readonly unit: 'x' | 'ms' | 'MB' | '%';
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface BenchmarkResult {
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
  /** Every measured value, for the JSON file. */
  readonly data: unknown;
}

export type Benchmark = (options: BenchmarkOptions) => Promise<BenchmarkResult>;
