/** Commits that one scenario may make; more is an error of the scenario. */
const MAX_COMMITS = 512;

/** A set of commits by their numbers, as bits. */
export class CommitSet {
  private readonly words = new Uint32Array(MAX_COMMITS / 32);

  add(commit: number): this {
    if (commit >= MAX_COMMITS) throw new RangeError('the scenario makes too many commits');
    this.words[commit >> 5]! |= 1 << (commit & 31);
    return this;
  }

  has(commit: number): boolean {
    return (this.words[commit >> 5]! & (1 << (commit & 31))) !== 0;
  }

  addAll(other: CommitSet): this {
    for (let i = 0; i < this.words.length; i++) this.words[i]! |= other.words[i]!;
    return this;
  }

  removeAll(other: CommitSet): this {
    for (let i = 0; i < this.words.length; i++) this.words[i]! &= ~other.words[i]!;
    return this;
  }

  /** How many of these are not in `other`. */
  sizeWithout(other: CommitSet): number {
    let size = 0;
    for (let i = 0; i < this.words.length; i++) {
      for (let word = this.words[i]! & ~other.words[i]!; word !== 0; word &= word - 1) size += 1;
    }
    return size;
  }

  isWithin(other: CommitSet): boolean {
    return this.words.every((word, i) => (word & ~other.words[i]!) === 0);
  }

  intersects(other: CommitSet): boolean {
    return this.words.some((word, i) => (word & other.words[i]!) !== 0);
  }

  intersection(other: CommitSet): CommitSet {
    const both = new CommitSet();
    for (let i = 0; i < this.words.length; i++) both.words[i] = this.words[i]! & other.words[i]!;
    return both;
  }

  copy(): CommitSet {
    return new CommitSet().addAll(this);
  }
}
