import type { BranchName, Oid } from '../../shared/ids.ts';
import type { Pair, Relation } from './model.ts';

/** How commit `a` stands to commit `b`: what each has that the other lacks. */
export interface Counts {
  readonly ahead: number;
  readonly behind: number;
  readonly sameTree: boolean;
  /** True when both hold the same changes, committed separately. */
  readonly patchEqual: boolean;
}

/** `asked`: the answer is on its way. `missing`: the repository could not tell, time and again: an object was pruned. */
export type Lookup = Counts | 'asked' | 'missing';

export type Relate = (a: Oid, b: Oid) => Lookup;

/**
 * From this many failures on a pair counts as missing. Not from the first: a repository that is busy for a moment fails too, and taking
 * an abandoned tip for pruned would let a rewind be undone. With the usual backoff between them these take half a minute.
 */
const MAX_FAILURES = 8;

const SAME: Counts = { ahead: 0, behind: 0, sameTree: true, patchEqual: false };

/**
 * What is known of pairs of commits, and what has to be asked. A relation never changes, so answers are kept, up to a bound;
 * the least recently used goes first. One batch is out at a time: whatever is wanted meanwhile gathers for the next.
 */
export class Relations {
  /** By the pair in lexical order, least recently used first. */
  private readonly known = new Map<string, Counts>();
  private readonly wants = new Map<BranchName, readonly Pair[]>();
  /** How often a pair got no answer. */
  private readonly failures = new Map<string, number>();
  /** Pairs that are not asked for the time being. */
  private readonly resting = new Set<string>();
  private batch: ReadonlySet<string> | undefined;
  private readonly capacity: number;
  private readonly batchSize: number;

  constructor(capacity: number, batchSize: number) {
    this.capacity = capacity;
    this.batchSize = batchSize;
  }

  /**
   * Runs `plan` with a lookup, and remembers the pairs it missed as what this branch waits for. What it waited for before and no
   * longer needs is not asked any more.
   */
  collect<T>(branch: BranchName, plan: (relate: Relate) => T): T {
    // Most branches need nothing, and there may be thousands.
    let missed: Map<string, Pair> | undefined;
    const result = plan((a, b) => {
      if (a === b) return SAME;
      const key = keyOf(a, b);
      const counts = this.find(key, a < b);
      if (counts !== undefined) return counts;
      if ((this.failures.get(key) ?? 0) >= MAX_FAILURES) return 'missing';
      missed ??= new Map();
      missed.set(key, { local: a, remote: b });
      return 'asked';
    });
    if (missed === undefined) this.wants.delete(branch);
    else this.wants.set(branch, [...missed.values()]);
    return result;
  }

  /** What is known already, without asking. */
  readonly peek = (a: Oid, b: Oid): Counts | undefined => (a === b ? SAME : this.find(keyOf(a, b), a < b));

  /**
   * The pairs to ask now; undefined while a batch is out or when nothing is wanted. A pair that got no answer before is asked alone, so
   * that one object that is missing does not spoil the answer for others.
   */
  nextBatch(): Pair[] | undefined {
    if (this.batch !== undefined) return undefined;
    const pairs = this.freshPairs();
    if (pairs.size === 0) {
      const failed = this.failedPair();
      if (failed === undefined) return undefined;
      pairs.set(keyOf(failed.local, failed.remote), failed);
    }
    this.trim();
    this.batch = new Set(pairs.keys());
    return [...pairs.values()];
  }

  /**
   * Takes the answer to the batch. Returns the branches that waited for it, and, when a pair of it got no answer, how often in a row at
   * most that was so; those pairs rest until `retry`.
   */
  answer(relations: readonly Relation[]): { readonly branches: readonly BranchName[]; readonly failures: number } {
    const batch = this.batch ?? new Set<string>();
    this.batch = undefined;
    for (const relation of relations) this.remember(relation);
    let most = 0;
    for (const key of batch) {
      if (this.known.has(key)) {
        this.failures.delete(key);
        continue;
      }
      const failures = (this.failures.get(key) ?? 0) + 1;
      this.failures.set(key, failures);
      this.resting.add(key);
      most = Math.max(most, failures);
    }
    const waited = (pair: Pair): boolean => batch.has(keyOf(pair.local, pair.remote));
    const branches = [...this.wants].filter(([, pairs]) => pairs.some(waited)).map(([branch]) => branch);
    return { branches, failures: most };
  }

  /** Lets pairs that got no answer be asked again. */
  retry(): void {
    this.resting.clear();
  }

  /** Lets even those be asked again that were given up; their branches have to be planned again. */
  retryAll(): void {
    this.retry();
    this.failures.clear();
  }

  private freshPairs(): Map<string, Pair> {
    const pairs = new Map<string, Pair>();
    for (const wanted of this.wants.values()) {
      for (const pair of wanted) {
        const key = keyOf(pair.local, pair.remote);
        if (!this.failures.has(key)) pairs.set(key, pair);
      }
      if (pairs.size >= this.batchSize) break;
    }
    return pairs;
  }

  private failedPair(): Pair | undefined {
    if (this.failures.size === 0) return undefined;
    for (const wanted of this.wants.values()) {
      const pair = wanted.find(({ local, remote }) => !this.resting.has(keyOf(local, remote)));
      if (pair !== undefined) return pair;
    }
    return undefined;
  }

  private find(key: string, inOrder: boolean): Counts | undefined {
    const counts = this.known.get(key);
    if (counts === undefined) return undefined;
    this.known.delete(key);
    this.known.set(key, counts);
    return inOrder ? counts : flip(counts);
  }

  private remember({ local, remote, ahead, behind, sameTree, patchEqual = false }: Relation): void {
    const counts = { ahead, behind, sameTree, patchEqual };
    this.known.set(keyOf(local, remote), local < remote ? counts : flip(counts));
  }

  /** Only ever before asking anew: the branches that waited for the last answers have used them by then. */
  private trim(): void {
    for (const oldest of this.known.keys()) {
      if (this.known.size <= this.capacity) return;
      this.known.delete(oldest);
    }
  }
}

const keyOf = (a: Oid, b: Oid): string => (a < b ? `${a} ${b}` : `${b} ${a}`);
const flip = ({ ahead, behind, ...rest }: Counts): Counts => ({ ...rest, ahead: behind, behind: ahead });
