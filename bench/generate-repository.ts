import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { git } from '../test/support/git.ts';
import { fastImportStream } from './generator/fast-import.ts';
import type { RepositoryShape } from './generator/shape.ts';

/** Goes up when the same shape makes another repository than before. */
const GENERATOR_VERSION = 1;

export interface GeneratedRepository {
  /** A bare repository; clone from it, leave it alone. */
  readonly path: string;
  readonly tip: string;
  readonly packBytes: number;
  readonly objects: number;
  readonly commits: number;
  /** Bytes of the files of the newest tree. */
  readonly treeBytes: number;
}

/**
 * A large repository, made once for each shape and kept in the system's temporary folder. The same shape has the same commit ids
 * wherever it is made. Throws when git fails or the disk is full; nothing half-made stays in the cache.
 */
export async function generateRepository(shape: RepositoryShape): Promise<GeneratedRepository> {
  const cache = join(tmpdir(), 'peerweave-bench-cache');
  const key = createHash('sha256')
    .update(JSON.stringify([GENERATOR_VERSION, shape]))
    .digest('hex')
    .slice(0, 16);
  const folder = join(cache, key);
  const about = join(folder, 'about.json');
  if (existsSync(about)) return JSON.parse(readFileSync(about, 'utf8')) as GeneratedRepository;
  mkdirSync(cache, { recursive: true });
  const making = mkdtempSync(join(cache, 'making-'));
  try {
    const path = join(making, 'repository.git');
    await importInto(path, shape);
    const made: GeneratedRepository = { ...describe(path), path: join(folder, 'repository.git') };
    writeFileSync(join(making, 'about.json'), `${JSON.stringify(made, null, 2)}\n`);
    renameSync(making, folder);
    return made;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

async function importInto(path: string, shape: RepositoryShape): Promise<void> {
  mkdirSync(path);
  git(path, 'init', '--quiet', '--bare', '--initial-branch=main');
  const child = spawn('git', ['fast-import', '--quiet', '--depth=50'], {
    cwd: path,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const exit = once(child, 'exit') as Promise<[number | null]>;
  await pipeline(Readable.from(fastImportStream(shape)), child.stdin);
  const [code] = await exit;
  if (code !== 0) throw new Error(`git fast-import failed with ${code ?? 'a signal'}`);
  git(path, 'update-ref', '-d', 'refs/heads/topic');
  // As in a repository that is worked in: git's own choice of deltas (fast-import makes the newest version a delta of the oldest,
  // git the other way round, which decides what the tip costs), no bitmap, and the files that `git gc` leaves.
  git(path, '-c', 'repack.writeBitmaps=false', 'repack', '-a', '-d', '-f', '-q');
  git(path, 'pack-refs', '--all');
  git(path, 'commit-graph', 'write', '--reachable');
}

function describe(path: string): Omit<GeneratedRepository, 'path'> {
  const packs = join(path, 'objects', 'pack');
  const sizes = readdirSync(packs)
    .filter((name) => name.endsWith('.pack'))
    .map((name) => statSync(join(packs, name)).size);
  const counts = git(path, 'count-objects', '-v');
  const tree = git(path, 'ls-tree', '-r', '--long', 'main').split('\n');
  return {
    tip: git(path, 'rev-parse', 'main'),
    packBytes: sizes.reduce((sum, size) => sum + size, 0),
    objects: Number(/^in-pack: (\d+)$/m.exec(counts)?.[1]),
    commits: Number(git(path, 'rev-list', '--count', 'main')),
    treeBytes: tree.reduce((sum, line) => sum + Number(/\s(\d+)\t/.exec(line)?.[1] ?? 0), 0),
  };
}
