import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MarkerMergeRequest, MarkerMergeResult } from '../../../extension/src/p2p/repo/marker-merge.ts';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { commitEdits, lines, move, type Edit } from '../../support/diverged.ts';
import { fsck, git, initRepository, revParse, tempFolder, writeFiles, type TempFolder } from '../../support/git.ts';
import { branch, provider } from '../../support/two-repositories.ts';

let temp: TempFolder;
let root: string;
let repository: Repository;
let ours: Oid;
let theirs: Oid;

beforeEach(() => {
  temp = tempFolder();
  root = join(temp.path, 'work');
});
afterEach(() => {
  vi.unstubAllEnvs();
  repository.dispose();
  temp.remove();
});

/** `main`, checked out at our commit, and a commit of a peer that no branch has. */
async function diverged(base: readonly Edit[], mine: readonly Edit[], other: readonly Edit[]): Promise<void> {
  initRepository(root);
  // The engine runs git with the user's configuration; of the machine's it must not depend.
  git(root, 'config', 'user.name', 'Mia');
  git(root, 'config', 'user.email', 'mia@example.org');
  commitEdits(root, base, 'base');
  git(root, 'checkout', '--quiet', '-b', 'other');
  theirs = commitEdits(root, other, 'theirs');
  git(root, 'checkout', '--quiet', 'main');
  ours = commitEdits(root, mine, 'mine');
  git(root, 'branch', '--quiet', '-D', 'other');
  repository = await provider.open(root);
}

/** The usual one: both changed line 5 of `f`, and each something else. */
const usual = (): Promise<void> =>
  diverged(
    [{ f: lines(9), clean: lines(9), keep: 'keep\n' }],
    [{ f: lines(9, { 5: 'mine' }), clean: lines(9, { 9: 'mine' }) }],
    [{ f: lines(9, { 5: 'theirs' }), clean: lines(9, { 1: 'theirs' }), 'new.txt': 'new\n' }],
  );

const begin = (more: Partial<MarkerMergeRequest> = {}): Promise<MarkerMergeResult> =>
  repository.markerMerges.begin({
    branch: branch('main'),
    ours,
    theirs,
    whose: 'bob',
    message: "Merge bob's main",
    ...more,
  });
const complete = (message?: string): Promise<Oid> =>
  repository.markerMerges.complete({ message, fallbackName: 'Mia of the session' });
const states = async (): Promise<string[]> => {
  const merge = await repository.markerMerges.current();
  if (merge === undefined) throw new Error('no merge');
  return (await repository.markerMerges.files(merge)).map(({ path, state }) => `${path} ${state}`);
};

/** Reason and message of what is thrown. */
const reasonOf = (promise: Promise<unknown>): Promise<[string, string]> =>
  promise.then(
    () => ['none', ''],
    (error: unknown) => (error instanceof PeerweaveError ? [error.reason, error.message] : ['untyped', String(error)]),
  );

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const status = (): string[] => git(root, 'status', '--porcelain').split('\n').filter(Boolean);
const labels = (): string => git(root, 'for-each-ref', '--format=%(refname)', 'refs/peerweave');
const hook = (name: string, script: string): void => {
  writeFiles(root, { [`.git/hooks/${name}`]: `#!/bin/sh\n${script}\n` });
  chmodSync(join(root, '.git/hooks', name), 0o755);
};

/** Runs something that must be refused, and checks that not a byte and not a time of a file changed. */
async function untouched(attempt: () => Promise<unknown>): Promise<void> {
  const picture = (): unknown => [
    git(root, 'ls-files', '--stage', '-u'),
    status(),
    ['f', 'clean', 'keep'].map((path) => existsSync(join(root, path)) && statSync(join(root, path)).mtimeMs),
    revParse(root, 'HEAD'),
    labels(),
    git(root, 'stash', 'list'),
  ];
  const before = picture();
  await attempt();
  expect(picture()).toEqual(before);
}

describe('beginning', () => {
  it('leaves what git leaves: markers that say whose, the sides in the index, MERGE_HEAD', async () => {
    await usual();
    expect(await begin()).toEqual({ begun: true, files: ['f'] });
    const label = `peerweave/merging/bob-${theirs.slice(0, 7)}`;
    expect(read('f').split('\n').slice(4, 11)).toEqual([
      '<<<<<<< HEAD',
      'mine',
      `||||||| ${revParse(root, 'HEAD~').slice(0, 7)}`,
      '5',
      '=======',
      'theirs',
      `>>>>>>> ${label}`,
    ]);
    expect(read('clean')).toBe(lines(9, { 1: 'theirs', 9: 'mine' }));
    expect(status()).toEqual(['M  clean', 'UU f', 'A  new.txt']);
    expect(read('.git/MERGE_HEAD').trim()).toBe(theirs);
    expect(git(root, 'ls-files', '-u', '--', 'f').split('\n')).toHaveLength(3);
    expect(await repository.markerMerges.current()).toEqual({ root, branch: 'main', ours, theirs, label });
    expect(await states()).toEqual(['f markers']);
  });

  it('keeps changes that are not in the way, and the style that the user chose', async () => {
    await usual();
    git(root, 'config', 'merge.conflictStyle', 'merge');
    writeFiles(root, { keep: 'changed\n', 'untracked.txt': 'mine\n' });
    expect(await begin()).toMatchObject({ begun: true });
    expect(read('f')).not.toContain('|||||||');
    expect([read('keep'), read('untracked.txt')]).toEqual(['changed\n', 'mine\n']);
  });

  it('begins a merge without conflicts too: there it only has to be completed', async () => {
    await diverged([{ f: lines(9) }], [{ f: lines(9, { 1: 'mine' }) }], [{ f: lines(9, { 9: 'theirs' }) }]);
    expect(await begin()).toEqual({ begun: true, files: [] });
    const made = await complete();
    expect(git(root, 'rev-list', '--parents', '-1', made)).toBe(`${made} ${ours} ${theirs}`);
  });

  it('begins where the branch is checked out, in a linked worktree', async () => {
    await usual();
    git(root, 'checkout', '--quiet', '-b', 'elsewhere');
    const linked = join(temp.path, 'linked');
    git(root, 'worktree', 'add', '--quiet', linked, 'main');
    expect(await begin()).toEqual({ begun: true, files: ['f'] });
    expect(readFileSync(join(linked, 'f'), 'utf8')).toContain('>>>>>>> peerweave/merging/bob-');
    expect(status()).toEqual([]);
    writeFileSync(join(linked, 'f'), 'settled\n');
    const made = await complete();
    expect([revParse(linked, 'main'), revParse(root, 'HEAD')]).toEqual([made, ours]);
    expect(labels()).toBe('');
  });

  it('never minds options that the user has for merges into this branch', async () => {
    await usual();
    git(root, 'config', 'branch.main.mergeOptions', '--squash');
    git(root, 'config', 'merge.autoStash', 'true');
    git(root, 'config', 'merge.ff', 'only');
    expect(await begin()).toMatchObject({ begun: true });
    expect(read('.git/MERGE_HEAD').trim()).toBe(theirs);
  });

  it('[SY5] runs no hook of the repository', async () => {
    await usual();
    for (const name of ['pre-merge-commit', 'post-merge', 'post-index-change', 'post-checkout', 'prepare-commit-msg'])
      hook(name, 'touch ran');
    await begin();
    expect(existsSync(join(root, 'ran'))).toBe(false);
  });

  it('what a peer names in .gitattributes runs only if the user has said what it is', async () => {
    const attributes = 'f merge=evil filter=evil\nnew.txt filter=mine\n';
    await diverged(
      [{ f: lines(9) }],
      [{ f: lines(9, { 5: 'mine' }) }],
      [{ f: lines(9, { 5: 'theirs' }), '.gitattributes': attributes, 'new.txt': 'new\n' }],
    );
    git(root, 'config', 'filter.mine.smudge', 'tr a-z A-Z');
    expect(await begin()).toEqual({ begun: true, files: ['f'] });
    expect(read('new.txt')).toBe('NEW\n');
    expect(await states()).toEqual(['f markers']);
  });
});

describe('refusing beforehand, with nothing touched', () => {
  it('a branch that is not checked out, or that has moved', async () => {
    await usual();
    await untouched(async () =>
      expect(await begin({ ours: theirs })).toMatchObject({ refusal: { kind: 'ref-moved' } }),
    );
    git(root, 'checkout', '--quiet', '--detach');
    await untouched(async () => expect(await begin()).toMatchObject({ refusal: { kind: 'not-checked-out' } }));
  });

  it.each([
    ['a changed file', { f: 'mine, not committed\n' }, ['f']],
    ['a file that is there untracked', { 'new.txt': 'mine\n' }, ['new.txt']],
    ['a file of ours where a folder comes', { 'new.txt/inside': 'mine\n' }, ['new.txt/inside']],
  ])('[SY6] %s in the way', async (_, files, paths) => {
    await usual();
    writeFiles(root, files);
    await untouched(async () =>
      expect(await begin()).toEqual({ begun: false, refusal: { kind: 'local-changes', paths } }),
    );
  });

  it('[SY6] an ignored file in the way, which git itself would overwrite', async () => {
    await diverged(
      [{ f: 'f\n', '.gitignore': '.env\n' }],
      [{ f: 'mine\n' }],
      [
        (at) => {
          writeFiles(at, { '.env': 'theirs\n' });
          git(at, 'add', '--force', '.env');
        },
      ],
    );
    writeFiles(root, { '.env': 'secret\n' });
    expect(await begin()).toEqual({ begun: false, refusal: { kind: 'local-changes', paths: ['.env'] } });
    expect(read('.env')).toBe('secret\n');
  });

  it('[SY6] anything staged: git would commit it along', async () => {
    await usual();
    writeFiles(root, { keep: 'staged\n' });
    git(root, 'add', 'keep');
    await untouched(async () =>
      expect(await begin()).toEqual({ begun: false, refusal: { kind: 'local-changes', paths: ['keep'] } }),
    );
  });

  it('[SY6] an operation in progress, also one of our own', async () => {
    await usual();
    writeFiles(root, { '.git/CHERRY_PICK_HEAD': `${theirs}\n` });
    expect(await begin()).toMatchObject({ refusal: { kind: 'operation-in-progress', operation: 'cherry-pick' } });
    rmSync(join(root, '.git/CHERRY_PICK_HEAD'));
    await begin();
    await untouched(async () =>
      expect(await begin()).toMatchObject({ refusal: { kind: 'operation-in-progress', operation: 'merge' } }),
    );
  });

  it('[SY6] an index that somebody has locked', async () => {
    await usual();
    const lock = join(root, '.git', 'index.lock');
    writeFileSync(lock, '');
    expect(await begin()).toEqual({ begun: false, refusal: { kind: 'locked', path: lock } });
    rmSync(lock);
    expect(status()).toEqual([]);
  });

  it('[SY6] files that run code on open, until they are reviewed', async () => {
    await diverged([{ f: 'f\n' }], [{ g: 'g\n' }], [{ '.vscode/tasks.json': '{}\n' }]);
    const refusal = { kind: 'sensitive-files', paths: ['.vscode/tasks.json'] };
    await untouched(async () => expect(await begin()).toEqual({ begun: false, refusal }));
    expect(await begin({ reviewed: true })).toEqual({ begun: true, files: [] });
  });

  it('histories that have nothing in common', async () => {
    await usual();
    theirs = git(root, 'commit-tree', '-m', 'alone', `${theirs}^{tree}`) as Oid;
    await untouched(async () => expect(await begin()).toMatchObject({ refusal: { kind: 'failed' } }));
  });
});

describe('completing', () => {
  it('[CO5] stages what has no markers any more, and makes an ordinary commit of both', async () => {
    await usual();
    await begin();
    writeFiles(root, { f: lines(9, { 5: 'both' }) });
    expect(await states()).toEqual(['f resolved']);
    const made = await complete();
    expect(git(root, 'rev-list', '--parents', '-1', 'main')).toBe(`${made} ${ours} ${theirs}`);
    expect(git(root, 'show', '-s', '--format=%an %ae%n%B', made)).toBe("Mia mia@example.org\nMerge bob's main");
    expect([status(), labels()]).toEqual([[], '']);
    expect(await repository.markerMerges.current()).toBeUndefined();
    fsck(root);
  });

  it("[SY13] is the user's own commit: noted as such, and left to them to take back", async () => {
    await usual();
    await begin();
    writeFiles(root, { f: 'settled\n' });
    const made = await complete();
    const [entry, ...others] = await repository.activity();
    const { by, worktree } = entry ?? {};
    expect({ ...entry, by, worktree }).toMatchObject({ kind: 'own-merge', branch: 'main', from: ours, to: made });
    expect([others, by, worktree]).toEqual([[], undefined, undefined]);
    expect(await repository.undo(undefined)).toMatchObject({ refusal: { kind: 'nothing' } });
    expect(await repository.undo(entry!.id)).toMatchObject({ refusal: { kind: 'own-commit' } });
    expect([revParse(root, 'main'), status()]).toEqual([made, []]);
  });

  it('is done also where it cannot be noted', async () => {
    await usual();
    await begin();
    writeFiles(root, { f: 'settled\n' });
    rmSync(join(root, '.git/peerweave'), { recursive: true });
    writeFiles(root, { '.git/peerweave': 'a file is in the way' });
    expect(await complete()).toBe(revParse(root, 'main'));
  });

  it('keeps a message as it is written', async () => {
    await usual();
    await begin();
    writeFiles(root, { f: 'settled\n' });
    const made = await complete('Settle it\n\n#42 was right');
    expect(git(root, 'show', '-s', '--format=%B', made)).toBe('Settle it\n\n#42 was right');
  });

  it('whoever git does not know commits by the name in the session; who says it in the environment is who they say', async () => {
    await usual();
    git(root, 'config', '--unset', 'user.name');
    git(root, 'config', '--unset', 'user.email');
    vi.stubEnv('GIT_CONFIG_GLOBAL', '/dev/null');
    vi.stubEnv('GIT_CONFIG_NOSYSTEM', '1');
    await begin();
    writeFiles(root, { f: 'settled\n' });
    hook('pre-commit', 'exit 1');
    expect((await reasonOf(complete()))[1]).not.toContain('tell me who you are');
    rmSync(join(root, '.git/hooks/pre-commit'));
    const made = await complete();
    const author = git(root, 'show', '-s', '--format=%an <%ae>', made);
    expect(author).toBe('Mia of the session <mia-of-the-session@peerweave.invalid>');
    git(root, 'reset', '--quiet', '--hard', ours);
    await begin();
    writeFiles(root, { f: 'settled\n' });
    const config = join(temp.path, 'gitconfig');
    writeFileSync(config, '[user]\n\tname = Mia\n\temail = mia@example.com\n');
    vi.stubEnv('GIT_CONFIG_GLOBAL', config);
    expect(git(root, 'show', '-s', '--format=%an <%ae>', await complete())).toBe('Mia <mia@example.com>');
  });

  it('refuses while markers are left, naming the files, with nothing staged', async () => {
    await usual();
    await begin();
    await untouched(async () =>
      expect(await reasonOf(complete())).toEqual(['conflict-unresolved', expect.stringContaining('left in f.')]),
    );
  });

  it('finds markers that were staged with their file', async () => {
    await usual();
    await begin();
    git(root, 'add', 'f');
    expect(await states()).toEqual(['f markers']);
    expect((await reasonOf(complete()))[0]).toBe('conflict-unresolved');
  });

  it('a file without markers by nature has to be staged by hand', async () => {
    const [png, theirPng] = [Buffer.from([0, 1, 2]), Buffer.from([0, 1, 3])];
    await diverged(
      [{ 'a.png': Buffer.from([0]), gone: 'gone\n', 'name.txt': lines(9) }],
      [{ 'a.png': png, gone: 'kept\n' }, move('name.txt', 'mine.txt')],
      [{ 'a.png': theirPng, gone: null }, move('name.txt', 'theirs.txt')],
    );
    await begin();
    expect(await states()).toContain('a.png unmerged');
    const [reason, message] = await reasonOf(complete());
    expect([reason, message]).toEqual([
      'conflict-unresolved',
      expect.stringMatching(/stage a version of a\.png.*gone/),
    ]);
    git(root, 'rm', '--quiet', '--cached', 'name.txt');
    git(root, 'add', 'a.png', 'gone', 'mine.txt', 'theirs.txt');
    const made = await complete();
    expect(git(root, 'show', `${made}:gone`)).toBe('kept');
  });

  it('a file that was deleted to settle it goes', async () => {
    await usual();
    await begin();
    rmSync(join(root, 'f'));
    expect(git(root, 'ls-tree', '--name-only', await complete()).split('\n')).toEqual(['clean', 'keep', 'new.txt']);
  });

  it("a hook of the user's runs; when it fails the merge is as it was, and the hook's words are told", async () => {
    await usual();
    await begin();
    writeFiles(root, { f: 'settled\n' });
    hook('pre-commit', 'printf "\\033[31mno tabs, please\\033[0m\\n" >&2\nexit 1');
    const [reason, message] = await reasonOf(complete());
    expect([reason, message]).toEqual([
      'commit-refused',
      expect.stringMatching(/complete it again:\nno tabs, please$/),
    ]);
    expect([revParse(root, 'HEAD'), read('.git/MERGE_HEAD').trim(), read('f')]).toEqual([ours, theirs, 'settled\n']);
    hook('pre-commit', 'touch .git/ran');
    await complete();
    expect(existsSync(join(root, '.git/ran'))).toBe(true);
  });

  it('says no when none is under way, also while the user merges something else', async () => {
    await usual();
    expect((await reasonOf(complete()))[0]).toBe('bad-request');
    git(root, 'branch', 'side', theirs);
    expect(() => git(root, 'merge', '--quiet', 'side')).toThrow();
    expect(await repository.markerMerges.current()).toBeUndefined();
    await untouched(async () => expect((await reasonOf(complete()))[0]).toBe('bad-request'));
  });

  it('what the user committed or took back by git itself is over, and leaves nothing for long', async () => {
    await usual();
    await begin();
    git(root, 'merge', '--abort');
    expect(await repository.markerMerges.current()).toBeUndefined();
    expect(await begin({ whose: 'robert' })).toMatchObject({ begun: true });
    expect(labels()).toBe(`refs/peerweave/merging/robert-${theirs.slice(0, 7)}`);
  });
});

describe.runIf(process.platform === 'linux' && process.getuid?.() === 0)('a full disk', () => {
  const mounted = (): void => {
    mkdirSync(root);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', root]);
  };
  /** Runs something with so many bytes free. */
  const full = async (free: number, run: () => Promise<void>): Promise<void> => {
    const filler = join(root, '.git', 'filler');
    const left = Number(execFileSync('stat', ['-f', '-c', '%a', root]).toString()) * 4_096;
    writeFileSync(filler, randomBytes(left - free));
    await run();
    rmSync(filler);
  };
  afterEach(() => void execFileSync('umount', ['--lazy', root]));

  it('refuses to complete, and the merge is as it was', async () => {
    mounted();
    await usual();
    await begin();
    writeFiles(root, { f: 'settled\n' });
    await full(0, async () => expect((await reasonOf(complete()))[0]).toBe('disk-full'));
    expect([revParse(root, 'HEAD'), read('.git/MERGE_HEAD').trim(), read('f')]).toEqual([ours, theirs, 'settled\n']);
    await complete();
    fsck(root);
  });

  it('lets none begin, and the files are as they were', async () => {
    mounted();
    await usual();
    writeFiles(root, { keep: 'changed\n' });
    await full(0, async () => expect(await reasonOf(begin())).toEqual(['disk-full', expect.anything()]));
    expect([read('f'), read('clean'), read('keep')]).toEqual([
      lines(9, { 5: 'mine' }),
      lines(9, { 9: 'mine' }),
      'changed\n',
    ]);
    expect([status(), labels(), existsSync(join(root, '.git/MERGE_HEAD'))]).toEqual([['M keep'], '', false]);
    expect(await begin()).toMatchObject({ begun: true });
  });

  it('that fills while files are written takes nothing of what was not committed', async () => {
    mounted();
    const big = randomBytes(700_000);
    await diverged(
      [{ f: lines(9), keep: 'keep\n' }],
      [{ f: lines(9, { 5: 'mine' }) }],
      [{ big, f: lines(9, { 5: 'theirs' }) }],
    );
    writeFiles(root, { keep: 'changed\n' });
    await full(300_000, async () => expect(await reasonOf(begin())).toEqual(['disk-full', expect.anything()]));
    expect([read('f'), read('keep'), existsSync(join(root, 'big'))]).toEqual([
      lines(9, { 5: 'mine' }),
      'changed\n',
      false,
    ]);
    expect([status(), labels(), existsSync(join(root, '.git/MERGE_HEAD'))]).toEqual([['M keep'], '', false]);
    expect(await begin()).toMatchObject({ begun: true, files: ['f'] });
  });
});

describe('taking it back', () => {
  it('puts back what was there, and keeps what is no part of it', async () => {
    await usual();
    writeFiles(root, { keep: 'changed\n' });
    await begin();
    writeFiles(root, { f: 'half settled\n', 'untracked.txt': 'mine\n' });
    git(root, 'add', 'f');
    await repository.markerMerges.abort();
    expect([read('f'), read('clean'), read('keep')]).toEqual([
      lines(9, { 5: 'mine' }),
      lines(9, { 9: 'mine' }),
      'changed\n',
    ]);
    expect(status()).toEqual(['M keep', '?? untracked.txt']);
    expect([revParse(root, 'HEAD'), labels(), existsSync(join(root, '.git/MERGE_HEAD'))]).toEqual([ours, '', false]);
  });

  it('refuses to take along what was staged meanwhile, or changed in files that merged', async () => {
    await usual();
    await begin();
    writeFiles(root, { 'notes.txt': 'mine\n', clean: 'changed after the merge\n' });
    git(root, 'add', 'notes.txt');
    const [reason, message] = await reasonOf(repository.markerMerges.abort());
    expect([reason, message]).toEqual(['move-refused', expect.stringContaining('clean, notes.txt')]);
    expect([read('notes.txt'), read('clean')]).toEqual(['mine\n', 'changed after the merge\n']);
    expect(read('.git/MERGE_HEAD').trim()).toBe(theirs);
  });
});
