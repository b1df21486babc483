import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { PeerweaveError, type Reason } from '../../../shared/errors.ts';
import type { Oid } from '../../../shared/ids.ts';
import type { FolderState, ObjectFormat, RepositoryInfo } from '../repository.ts';
import { exists, isMissing } from './files.ts';
import { GitFailure } from './git-failure.ts';
import type { Git } from './git.ts';
import { refFormatOf, type RefFormat } from './ref-reader.ts';

/** What else the implementation needs to know about a repository, read once when it is opened. */
export interface RepositoryTraits {
  readonly refFormat: RefFormat;
  readonly ignoreCase: boolean;
  /** `core.hooksPath` when it lies in the worktree, relative to its root with `/`. */
  readonly hooksPath: string | undefined;
}

export type Inspection =
  | { readonly kind: 'repository'; readonly info: RepositoryInfo; readonly traits: RepositoryTraits }
  | Exclude<FolderState, { kind: 'repository' }>;

/**
 * Finds out what a folder is. Throws only `git-missing` and I/O errors; whatever git says about the folder is a state. `roots` spares the
 * walk to the root commits where they are known.
 */
export async function inspect(git: Git, directory: string, roots?: readonly Oid[]): Promise<Inspection> {
  if (!(await isFolder(directory))) return { kind: 'no-repository' };
  let answers: string[];
  try {
    answers = await ask(git, directory);
  } catch (error) {
    if (error instanceof GitFailure) return failureState(error);
    throw error;
  }
  const [bare, shallow, format, commonDir] = answers;
  if (bare === 'true') {
    return unusable('repository-bare', 'A bare repository has no files to work on. Share a clone of it instead.');
  }
  if (shallow === 'true') {
    return unusable(
      'repository-shallow',
      'This is a shallow clone, so others could not get its history. Run `git fetch --unshallow` first.',
    );
  }
  const gitDir = await realpath(resolve(directory, commonDir ?? '.git'));
  const config = await readConfig(git, gitDir);
  const problem = await refuse(gitDir, config, format ?? 'sha1');
  if (problem !== undefined) return problem;
  const info: RepositoryInfo = {
    root: dirname(gitDir),
    gitDir,
    objectFormat: format as ObjectFormat,
    roots: (roots ?? (await findRoots(git, gitDir))).toSorted(),
  };
  const refFormat = refFormatOf(config.get('extensions.refstorage'));
  const ignoreCase = config.get('core.ignorecase') === 'true';
  const hooksPath = insideWorktree(info.root, config.get('core.hookspath'));
  return { kind: 'repository', info, traits: { refFormat, ignoreCase, hooksPath } };
}

async function findRoots(git: Git, gitDir: string): Promise<Oid[]> {
  const { stdout } = await git.run(['rev-list', '--max-parents=0', '--branches'], { gitDir });
  return stdout.split('\n').filter(Boolean) as Oid[];
}

async function ask(git: Git, directory: string): Promise<string[]> {
  const { stdout } = await git.run(
    ['rev-parse', '--is-bare-repository', '--is-shallow-repository', '--show-object-format', '--git-common-dir'],
    { cwd: directory },
  );
  return stdout.split('\n');
}

async function refuse(
  gitDir: string,
  config: ReadonlyMap<string, string>,
  format: string,
): Promise<Extract<FolderState, { kind: 'unusable' }> | undefined> {
  const promisor = [...config.keys()].some((key) => /^remote\..*\.promisor$/.test(key));
  if (promisor || config.has('extensions.partialclone')) {
    return unusable(
      'repository-partial',
      'This is a partial clone: some of its objects are only at its remote. Share a full clone (`git clone` without --filter).',
    );
  }
  if (format !== 'sha1' && format !== 'sha256') {
    return unusable('repository-unsupported', `Peerweave does not know the object format ${format}.`);
  }
  if (!(await exists(join(dirname(gitDir), '.git')))) {
    return unusable(
      'repository-unsupported',
      'The repository is a submodule or keeps its git directory elsewhere. Share an ordinary clone of it.',
    );
  }
  return undefined;
}

/** Only what we decide by; keys are lower-cased by git. */
async function readConfig(git: Git, gitDir: string): Promise<Map<string, string>> {
  const { stdout } = await git.run(
    ['config', '-z', '--get-regexp', '^(extensions|core\\.ignorecase|core\\.hookspath|remote\\..*\\.promisor)'],
    {
      gitDir,
      answers: [0, 1],
    },
  );
  const entries = stdout.split('\0').filter(Boolean);
  return new Map(
    entries.map((entry) => {
      const [key = '', ...value] = entry.split('\n');
      return [key, value.join('\n')] as const;
    }),
  );
}

function insideWorktree(root: string, hooksPath: string | undefined): string | undefined {
  if (hooksPath === undefined || hooksPath.startsWith('~')) return undefined;
  const path = relative(root, resolve(root, hooksPath)).replaceAll('\\', '/');
  return path === '' || path.startsWith('../') || path.startsWith('.git/') || isAbsolute(path) ? undefined : path;
}

function failureState(error: GitFailure): Exclude<FolderState, { kind: 'repository' }> {
  if (error.stderr.includes('not a git repository')) return { kind: 'no-repository' };
  return unusable(error.reason === 'internal' ? 'repository-unsupported' : error.reason, error.message);
}

const unusable = (reason: Reason, message: string): Extract<FolderState, { kind: 'unusable' }> => ({
  kind: 'unusable',
  reason,
  message,
});

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** The error for a folder that cannot be opened. */
export function unusableError(state: Exclude<Inspection, { kind: 'repository' }>, directory: string): PeerweaveError {
  return state.kind === 'unusable'
    ? new PeerweaveError(state.reason, state.message)
    : new PeerweaveError(
        'not-a-repository',
        `${directory} is not a git repository. Open a repository, or initialise one here.`,
      );
}
