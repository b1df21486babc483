/** What a generated repository looks like. The same shape is the same commit id on every machine. */
export interface RepositoryShape {
  readonly seed: string;
  /** Bytes of the pack to come close to; the length of the edits is chosen for it. */
  readonly packBytes: number;
  readonly commits: number;
  /** Text files in the newest tree. */
  readonly files: number;
  /** Files that a commit touches, on average. */
  readonly editsPerCommit: number;
  /** Directories in a directory, and how deep they go. */
  readonly fanOut: number;
  readonly depth: number;
  /** Share of the pack that is files which do not compress: images, archives. In percent. */
  readonly binaryPercent: number;
}

const MB = 1_000_000;

/** The repository of the join benchmark: a project of some years, well over 100 MB packed. */
export const LARGE: RepositoryShape = {
  seed: 'peerweave',
  packBytes: 130 * MB,
  commits: 15_000,
  files: 5_000,
  editsPerCommit: 6,
  fanOut: 8,
  depth: 3,
  binaryPercent: 25,
};

/** The repository in which commits are exchanged: an ordinary small project. */
export const SMALL: RepositoryShape = {
  seed: 'peerweave',
  packBytes: 4 * MB,
  commits: 500,
  files: 600,
  editsPerCommit: 4,
  fanOut: 6,
  depth: 2,
  binaryPercent: 20,
};
