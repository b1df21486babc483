import { createRandom } from './random.ts';
import type { RepositoryShape } from './shape.ts';

/** A file and the commits, by number and in order, that give it new content. */
export interface PlannedFile {
  readonly path: string;
  readonly kind: 'text' | 'binary';
  /** Lines of a text, bytes of a binary. */
  readonly size: number;
  readonly versions: readonly number[];
}

/** Average bytes of a binary file. */
const BINARY_BYTES = 90_000;
/** A commit stays within so many files that lie beside one another. */
const NEIGHBOURHOOD = 25;

/**
 * Which commit touches which file. A tenth of the files is there from the first commit, the others join over time; a commit
 * touches files of one or two directories; some are edited again and again, most of them rarely.
 */
export function planHistory(shape: RepositoryShape): PlannedFile[] {
  const random = createRandom(`${shape.seed}/history`);
  const founding = Math.max(1, Math.floor(shape.files / 10));
  const born = (file: number): number =>
    file < founding ? 0 : 1 + Math.floor(((file - founding) * (shape.commits - 2)) / (shape.files - founding));
  const touched: number[][] = Array.from({ length: shape.files }, (_, file) => [born(file)]);
  let alive = founding;
  for (let commit = 1; commit < shape.commits; commit++) {
    while (alive < shape.files && born(alive) < commit) alive++;
    const edits = new Set<number>();
    const centre = random.below(1 + random.below(alive));
    for (let n = random.between(1, 2 * shape.editsPerCommit - 1); n > 0; n--) {
      edits.add(Math.min(centre + random.below(NEIGHBOURHOOD), alive - 1));
    }
    for (const file of edits) if (touched[file]!.at(-1)! < commit) touched[file]!.push(commit);
  }
  const texts = touched.map((versions, file): PlannedFile => ({
    path: `${directory(shape, Math.floor((file * shape.fanOut ** shape.depth) / shape.files))}/file-${file}.ts`,
    kind: 'text',
    size: random.between(20, 60 + random.below(500)),
    versions,
  }));
  return [...texts, ...planBinaries(shape)];
}

function planBinaries(shape: RepositoryShape): PlannedFile[] {
  const random = createRandom(`${shape.seed}/binaries`);
  const count = Math.round((shape.packBytes * shape.binaryPercent) / 100 / BINARY_BYTES);
  return Array.from({ length: count }, (_, file) => ({
    // Four versions share a path, so that the newest tree holds a quarter of them.
    path: `assets/image-${Math.floor(file / 4)}.png`,
    kind: 'binary',
    size: random.between(10_000, 2 * BINARY_BYTES - 10_000),
    versions: [Math.floor((file * (shape.commits - 1)) / Math.max(1, count))],
  }));
}

function directory({ fanOut, depth }: RepositoryShape, index: number): string {
  const parts = ['src'];
  for (let level = depth - 1; level >= 0; level--) parts.push(`part-${Math.floor(index / fanOut ** level) % fanOut}`);
  return parts.join('/');
}

/** Lines that an edit replaces, so that the pack comes out near `packBytes`. */
export function linesPerEdit(shape: RepositoryShape, files: readonly PlannedFile[]): number {
  // Packed sizes as measured on packs that this generator made.
  const perLine = 36;
  const perCommit = 1_100;
  const perBaseLine = 12;
  const texts = files.filter(({ kind }) => kind === 'text');
  const edits = texts.reduce((sum, { versions }) => sum + versions.length - 1, 0);
  const bases = texts.reduce((sum, { size }) => sum + size * perBaseLine, 0);
  const left = (shape.packBytes * (100 - shape.binaryPercent)) / 100 - bases - shape.commits * perCommit;
  return Math.max(1, Math.round(left / (edits * perLine)));
}
