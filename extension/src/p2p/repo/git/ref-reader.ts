import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { branchOf, isOid, isSharedRef, type BranchName, type Oid, type RefName } from '../../../shared/ids.ts';
import type { RefSnapshot } from '../repository.ts';
import { isMissing } from './files.ts';
import type { Git } from './git.ts';

/**
 * Reads refs. With the files backend (gitrepository-layout(5)) straight from disk, because a snapshot is on the way of every
 * commit and a git process costs more than all the files together; any other backend is asked through git.
 *
 * The files are read synchronously: a ref takes 15 µs that way, and ten times as much through the pool of threads.
 */
export interface RefReader {
  /** Every direct ref under `refs/`. */
  all(): Promise<Map<RefName, Oid>>;
  /** Branches and tags: what a session shares. The peers' refs, which can be many times as many, are not read. */
  shared(): Promise<Map<RefName, Oid>>;
  /** The names of all branches, without what they point to. */
  branchNames(): Promise<Set<BranchName>>;
  one(ref: RefName): Promise<Oid | null>;
  /** The branch that a worktree's HEAD names, born or not; undefined when detached. Takes the worktree's own git directory. */
  head(worktreeGitDir: string): Promise<BranchName | undefined>;
}

export const createRefReader = (git: Git, gitDir: string, format: RefFormat): RefReader =>
  format === 'files' ? new FilesRefReader(gitDir) : new GitRefReader(git, gitDir);

export type RefFormat = 'files' | 'reftable';

/** How a repository keeps its refs, by the value of `extensions.refStorage` (git-config(1)). */
export const refFormatOf = (refStorage: string | undefined): RefFormat =>
  refStorage?.trim().toLowerCase() === 'reftable' ? 'reftable' : 'files';

/** The reader for a repository that is not opened yet. */
export async function findRefReader(git: Git, gitDir: string): Promise<RefReader> {
  const { stdout } = await git.run(['config', '--get', 'extensions.refStorage'], { gitDir, answers: [0, 1] });
  return createRefReader(git, gitDir, refFormatOf(stdout));
}

/** Branches and tags, and the branch of the main worktree. */
export async function snapshot(reader: RefReader, gitDir: string): Promise<RefSnapshot> {
  const [refs, head] = await Promise.all([reader.shared(), reader.head(gitDir)]);
  return { refs, head };
}

class FilesRefReader implements RefReader {
  private readonly gitDir: string;

  constructor(gitDir: string) {
    this.gitDir = gitDir;
  }

  async all(): Promise<Map<RefName, Oid>> {
    return this.below(['refs'], () => true);
  }

  async shared(): Promise<Map<RefName, Oid>> {
    return this.below(['refs/heads', 'refs/tags'], isSharedRef);
  }

  async branchNames(): Promise<Set<BranchName>> {
    const heads = join(this.gitDir, 'refs', 'heads');
    const entries = unlessMissing(() => readdirSync(heads, { recursive: true, withFileTypes: true })) ?? [];
    const loose = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.lock'));
    const names = loose.map((entry) => relative(heads, join(entry.parentPath, entry.name)).split(sep).join('/'));
    const packed = [...this.packed().keys()].map(branchOf).filter((branch) => branch !== undefined);
    return new Set([...(names as BranchName[]), ...packed]);
  }

  private below(folders: readonly string[], counts: (ref: string) => boolean): Map<RefName, Oid> {
    // Loose first: a ref that `git pack-refs` moves between the two reads is then still found in packed-refs.
    const loose = new Map<RefName, Oid>();
    for (const folder of folders) this.walk(folder, loose);
    const refs = new Map([...this.packed()].filter(([ref]) => counts(ref)));
    for (const [ref, oid] of loose) refs.set(ref, oid);
    return refs;
  }

  async one(ref: RefName): Promise<Oid | null> {
    const loose = looseOid(join(this.gitDir, ref));
    return loose ?? this.packed().get(ref) ?? null;
  }

  async head(worktreeGitDir: string): Promise<BranchName | undefined> {
    const head = textOf(join(worktreeGitDir, 'HEAD'));
    return /^ref: refs\/heads\/(.+)\n?$/.exec(head ?? '')?.[1] as BranchName | undefined;
  }

  private walk(folder: string, into: Map<RefName, Oid>): void {
    const entries = unlessMissing(() => readdirSync(join(this.gitDir, folder), { withFileTypes: true })) ?? [];
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) this.walk(path, into);
      if (!entry.isFile() || entry.name.endsWith('.lock')) continue;
      const oid = textOf(join(this.gitDir, path))?.trim();
      if (oid !== undefined && isOid(oid)) into.set(path as RefName, oid);
    }
  }

  /** Lines `<oid> SP <ref>`; `#` starts the header and `^` peels the tag above. */
  private packed(): Map<RefName, Oid> {
    const refs = new Map<RefName, Oid>();
    for (const line of (textOf(join(this.gitDir, 'packed-refs')) ?? '').split('\n')) {
      const space = line.indexOf(' ');
      const oid = line.slice(0, space);
      if (space > 0 && isOid(oid)) refs.set(line.slice(space + 1) as RefName, oid);
    }
    return refs;
  }
}

/** Undefined too where a folder has the name: a ref `topic` beside `topic/x`. */
function looseOid(path: string): Oid | undefined {
  try {
    const text = textOf(path)?.trim();
    return text !== undefined && isOid(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

const textOf = (path: string): string | undefined => unlessMissing(() => readFileSync(path, 'utf8'));

function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

class GitRefReader implements RefReader {
  private readonly git: Git;
  private readonly gitDir: string;

  constructor(git: Git, gitDir: string) {
    this.git = git;
    this.gitDir = gitDir;
  }

  all(): Promise<Map<RefName, Oid>> {
    return this.list([]);
  }

  shared(): Promise<Map<RefName, Oid>> {
    return this.list(['refs/heads/', 'refs/tags/']);
  }

  async branchNames(): Promise<Set<BranchName>> {
    const refs = await this.list(['refs/heads/']);
    return new Set([...refs.keys()].map(branchOf).filter((branch) => branch !== undefined));
  }

  private async list(patterns: readonly string[]): Promise<Map<RefName, Oid>> {
    const format = '--format=%(objectname) %(refname) %(symref)';
    const { stdout } = await this.git.run(['for-each-ref', format, ...patterns], { gitDir: this.gitDir });
    const refs = new Map<RefName, Oid>();
    for (const line of stdout.split('\n')) {
      const [oid = '', ref = '', symref] = line.split(' ');
      if (isOid(oid) && !symref) refs.set(ref as RefName, oid);
    }
    return refs;
  }

  async one(ref: RefName): Promise<Oid | null> {
    const { stdout } = await this.git.run(['rev-parse', '--quiet', '--verify', ref], {
      gitDir: this.gitDir,
      answers: [0, 1],
    });
    const oid = stdout.trim();
    return isOid(oid) ? oid : null;
  }

  async head(worktreeGitDir: string): Promise<BranchName | undefined> {
    // The HEAD file is only a stub here.
    const { stdout } = await this.git.run(['symbolic-ref', '--quiet', 'HEAD'], {
      gitDir: worktreeGitDir,
      answers: [0, 1],
    });
    return branchOf(stdout.trim() as RefName);
  }
}
