import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lines, move } from '../../support/diverged.ts';
import { fsck, git, revParse, writeFiles } from '../../support/git.ts';
import { MarkerScene, reasonOf } from './marker-scene.ts';

let scene: MarkerScene;

beforeEach(() => {
  scene = new MarkerScene();
});
afterEach(() => {
  vi.unstubAllEnvs();
  scene.remove();
});

describe('completing', () => {
  it('[CO5] stages what has no markers any more, and makes an ordinary commit of both', async () => {
    await scene.usual();
    await scene.begin();
    writeFiles(scene.root, { f: lines(9, { 5: 'both' }) });
    expect(await scene.states()).toEqual(['f resolved']);
    const made = await scene.complete();
    expect(git(scene.root, 'rev-list', '--parents', '-1', 'main')).toBe(`${made} ${scene.ours} ${scene.theirs}`);
    expect(git(scene.root, 'show', '-s', '--format=%an %ae%n%B', made)).toBe("Mia mia@example.org\nMerge bob's main");
    expect([scene.status(), scene.labels()]).toEqual([[], '']);
    expect(await scene.repository.markerMerges.current()).toBeUndefined();
    fsck(scene.root);
  });

  it("[SY13] is the user's own commit: noted as such, and left to them to take back", async () => {
    await scene.usual();
    await scene.begin();
    writeFiles(scene.root, { f: 'settled\n' });
    const made = await scene.complete();
    const [entry, ...others] = await scene.repository.activity();
    const { by, worktree } = entry ?? {};
    expect({ ...entry, by, worktree }).toMatchObject({ kind: 'own-merge', branch: 'main', from: scene.ours, to: made });
    expect([others, by, worktree]).toEqual([[], undefined, undefined]);
    expect(await scene.repository.undo(undefined)).toMatchObject({ refusal: { kind: 'nothing' } });
    expect(await scene.repository.undo(entry!.id)).toMatchObject({ refusal: { kind: 'own-commit' } });
    expect([revParse(scene.root, 'main'), scene.status()]).toEqual([made, []]);
  });

  it('is done also where it cannot be noted', async () => {
    await scene.usual();
    await scene.begin();
    writeFiles(scene.root, { f: 'settled\n' });
    rmSync(join(scene.root, '.git/peerweave'), { recursive: true });
    writeFiles(scene.root, { '.git/peerweave': 'a file is in the way' });
    expect(await scene.complete()).toBe(revParse(scene.root, 'main'));
  });

  it('keeps a message as it is written', async () => {
    await scene.usual();
    await scene.begin();
    writeFiles(scene.root, { f: 'settled\n' });
    const made = await scene.complete('Settle it\n\n#42 was right');
    expect(git(scene.root, 'show', '-s', '--format=%B', made)).toBe('Settle it\n\n#42 was right');
  });

  it('whoever git does not know commits by the name in the session; who says it in the environment is who they say', async () => {
    await scene.usual();
    git(scene.root, 'config', '--unset', 'user.name');
    git(scene.root, 'config', '--unset', 'user.email');
    vi.stubEnv('GIT_CONFIG_GLOBAL', '/dev/null');
    vi.stubEnv('GIT_CONFIG_NOSYSTEM', '1');
    await scene.begin();
    writeFiles(scene.root, { f: 'settled\n' });
    scene.hook('pre-commit', 'exit 1');
    expect((await reasonOf(scene.complete()))[1]).not.toContain('tell me who you are');
    rmSync(join(scene.root, '.git/hooks/pre-commit'));
    const made = await scene.complete();
    const author = git(scene.root, 'show', '-s', '--format=%an <%ae>', made);
    expect(author).toBe('Mia of the session <mia-of-the-session@peerweave.invalid>');
    git(scene.root, 'reset', '--quiet', '--hard', scene.ours);
    await scene.begin();
    writeFiles(scene.root, { f: 'settled\n' });
    const config = join(scene.folder, 'gitconfig');
    writeFileSync(config, '[user]\n\tname = Mia\n\temail = mia@example.com\n');
    vi.stubEnv('GIT_CONFIG_GLOBAL', config);
    expect(git(scene.root, 'show', '-s', '--format=%an <%ae>', await scene.complete())).toBe('Mia <mia@example.com>');
  });

  it('refuses while markers are left, naming the files, with nothing staged', async () => {
    await scene.usual();
    await scene.begin();
    await scene.untouched(async () =>
      expect(await reasonOf(scene.complete())).toEqual(['conflict-unresolved', expect.stringContaining('left in f.')]),
    );
  });

  it('finds markers that were staged with their file', async () => {
    await scene.usual();
    await scene.begin();
    git(scene.root, 'add', 'f');
    expect(await scene.states()).toEqual(['f markers']);
    expect((await reasonOf(scene.complete()))[0]).toBe('conflict-unresolved');
  });

  it('a file without markers by nature has to be staged by hand', async () => {
    const [png, theirPng] = [Buffer.from([0, 1, 2]), Buffer.from([0, 1, 3])];
    await scene.diverged(
      [{ 'a.png': Buffer.from([0]), gone: 'gone\n', 'name.txt': lines(9) }],
      [{ 'a.png': png, gone: 'kept\n' }, move('name.txt', 'mine.txt')],
      [{ 'a.png': theirPng, gone: null }, move('name.txt', 'theirs.txt')],
    );
    await scene.begin();
    expect(await scene.states()).toContain('a.png unmerged');
    const [reason, message] = await reasonOf(scene.complete());
    expect([reason, message]).toEqual([
      'conflict-unresolved',
      expect.stringMatching(/stage a version of a\.png.*gone/),
    ]);
    git(scene.root, 'rm', '--quiet', '--cached', 'name.txt');
    git(scene.root, 'add', 'a.png', 'gone', 'mine.txt', 'theirs.txt');
    const made = await scene.complete();
    expect(git(scene.root, 'show', `${made}:gone`)).toBe('kept');
  });

  it('a file that was deleted to settle it goes', async () => {
    await scene.usual();
    await scene.begin();
    rmSync(join(scene.root, 'f'));
    expect(git(scene.root, 'ls-tree', '--name-only', await scene.complete()).split('\n')).toEqual([
      'clean',
      'keep',
      'new.txt',
    ]);
  });

  it("a hook of the user's runs; when it fails the merge is as it was, and the hook's words are told", async () => {
    await scene.usual();
    await scene.begin();
    writeFiles(scene.root, { f: 'settled\n' });
    scene.hook('pre-commit', 'printf "\\033[31mno tabs, please\\033[0m\\n" >&2\nexit 1');
    const [reason, message] = await reasonOf(scene.complete());
    expect([reason, message]).toEqual([
      'commit-refused',
      expect.stringMatching(/complete it again:\nno tabs, please$/),
    ]);
    expect([revParse(scene.root, 'HEAD'), scene.read('.git/MERGE_HEAD').trim(), scene.read('f')]).toEqual([
      scene.ours,
      scene.theirs,
      'settled\n',
    ]);
    scene.hook('pre-commit', 'touch .git/ran');
    await scene.complete();
    expect(existsSync(join(scene.root, '.git/ran'))).toBe(true);
  });

  it('says no when none is under way, also while the user merges something else', async () => {
    await scene.usual();
    expect((await reasonOf(scene.complete()))[0]).toBe('bad-request');
    git(scene.root, 'branch', 'side', scene.theirs);
    expect(() => git(scene.root, 'merge', '--quiet', 'side')).toThrow();
    expect(await scene.repository.markerMerges.current()).toBeUndefined();
    await scene.untouched(async () => expect((await reasonOf(scene.complete()))[0]).toBe('bad-request'));
  });

  it('what the user committed or took back by git itself is over, and leaves nothing for long', async () => {
    await scene.usual();
    await scene.begin();
    git(scene.root, 'merge', '--abort');
    expect(await scene.repository.markerMerges.current()).toBeUndefined();
    expect(await scene.begin({ whose: 'robert' })).toMatchObject({ begun: true });
    expect(scene.labels()).toBe(`refs/peerweave/merging/robert-${scene.theirs.slice(0, 7)}`);
  });
});

describe('taking it back', () => {
  it('puts back what was there, and keeps what is no part of it', async () => {
    await scene.usual();
    writeFiles(scene.root, { keep: 'changed\n' });
    await scene.begin();
    writeFiles(scene.root, { f: 'half settled\n', 'untracked.txt': 'mine\n' });
    git(scene.root, 'add', 'f');
    await scene.repository.markerMerges.abort();
    expect([scene.read('f'), scene.read('clean'), scene.read('keep')]).toEqual([
      lines(9, { 5: 'mine' }),
      lines(9, { 9: 'mine' }),
      'changed\n',
    ]);
    expect(scene.status()).toEqual(['M keep', '?? untracked.txt']);
    expect([revParse(scene.root, 'HEAD'), scene.labels(), existsSync(join(scene.root, '.git/MERGE_HEAD'))]).toEqual([
      scene.ours,
      '',
      false,
    ]);
  });

  it('refuses to take along what was staged meanwhile, or changed in files that merged', async () => {
    await scene.usual();
    await scene.begin();
    writeFiles(scene.root, { 'notes.txt': 'mine\n', clean: 'changed after the merge\n' });
    git(scene.root, 'add', 'notes.txt');
    const [reason, message] = await reasonOf(scene.repository.markerMerges.abort());
    expect([reason, message]).toEqual(['move-refused', expect.stringContaining('clean, notes.txt')]);
    expect([scene.read('notes.txt'), scene.read('clean')]).toEqual(['mine\n', 'changed after the merge\n']);
    expect(scene.read('.git/MERGE_HEAD').trim()).toBe(scene.theirs);
  });
});
