import type { BranchName, Oid } from '../../shared/ids.ts';
import type { Pair, Relation } from './model.ts';

/** How commit `a` stands to commit `b`: what each has that the other lacks. */
export interface Counts {
  readonly ahead: number;
  readonly behind: number;
  readonly sameTree: boolean;
}

/** `asked`: the answer is on its way. `missing`: the repository could not tell, most likely because an object was pruned. */
export type Lookup = Counts | 'asked' | 'missing';

export type Relate = (a: Oid, b: Oid) => Lookup;

const SAME: Counts = { ahead: 0, behind: 0, sameTree: true };

/**
 * What is known of pairs of commits, and what has to be asked. A relation never changes, so answers are kept, up to a bound;
 * the least recently used goes first. One batch is out at a time: whatever is wanted meanwhile gathers for the next.
 */
export class Relations {
  /** By the pair in lexical order, least recently used first. */
  private readonly known = new Map<string, Counts>();
  private readonly wants = new Map<BranchName, readonly Pair[]>();
  private readonly failed = new Set<string>();
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
    const missed = new Map<string, Pair>();
    const result = plan((a, b) => {
      if (a === b) return SAME;
      const key = keyOf(a, b);
      const counts = this.find(key, a < b);
      if (counts !== undefined) return counts;
      missed.set(key, { local: a, remote: b });
      return this.failed.has(key) ? 'missing' : 'asked';
    });
    if (missed.size === 0) this.wants.delete(branch);
    else this.wants.set(branch, [...missed.values()]);
    return result;
  }

  /** What is known already, without asking. */
  readonly peek = (a: Oid, b: Oid): Counts | undefined => (a === b ? SAME : this.find(keyOf(a, b), a < b));

  /** The pairs to ask now; undefined while a batch is out or when nothing is wanted. */
  nextBatch(): Pair[] | undefined {
    if (this.batch !== undefined) return undefined;
    const pairs = new Map<string, Pair>();
    for (const wanted of this.wants.values()) {
      for (const pair of wanted) {
        const key = keyOf(pair.local, pair.remote);
        if (!this.failed.has(key)) pairs.set(key, pair);
      }
      if (pairs.size >= this.batchSize) break;
    }
    if (pairs.size === 0) return undefined;
    this.trim();
    this.batch = new Set(pairs.keys());
    return [...pairs.values()];
  }

  /** Takes the answer to the batch; returns the branches that waited for it, and whether a pair of it got no answer. */
  answer(relations: readonly Relation[]): { readonly branches: readonly BranchName[]; readonly failed: boolean } {
    const batch = this.batch ?? new Set<string>();
    this.batch = undefined;
    for (const relation of relations) this.remember(relation);
    let failed = false;
    for (const key of batch) {
      if (this.known.has(key)) continue;
      this.failed.add(key);
      failed = true;
    }
    const waited = (pair: Pair): boolean => batch.has(keyOf(pair.local, pair.remote));
    const branches = [...this.wants].filter(([, pairs]) => pairs.some(waited)).map(([branch]) => branch);
    return { branches, failed };
  }

  /** Lets pairs that got no answer be asked again. */
  retryFailed(): void {
    this.failed.clear();
  }

  private find(key: string, inOrder: boolean): Counts | undefined {
    const counts = this.known.get(key);
    if (counts === undefined) return undefined;
    this.known.delete(key);
    this.known.set(key, counts);
    return inOrder ? counts : flip(counts);
  }

  private remember({ local, remote, ahead, behind, sameTree }: Relation): void {
    const counts = { ahead, behind, sameTree };
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
const flip = ({ ahead, behind, sameTree }: Counts): Counts => ({ ahead: behind, behind: ahead, sameTree });
