import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { conflictTarget } from '../../../extension/src/rpc/conflicts.ts';
import { commitEdits, lines, move, type Edit } from '../../support/diverged.ts';
import { commit, git, revParse } from '../../support/git.ts';
import { worldOfTwo, type Person, type World } from '../../support/people.ts';
import { StdioEngine } from '../session/stdio-engine.ts';
import { Editor, VSCODE } from './editor.ts';

const SETTINGS = { listen: '127.0.0.1:0', approve: 'auto' as const };

let world: World;
let alice: Person;
let bob: Person;
let host: StdioEngine;
let guest: StdioEngine;
let editor: Editor;

beforeEach(async () => {
  ({ world, alice, bob } = worldOfTwo());
  host = new StdioEngine(alice.home);
  guest = new StdioEngine(bob.home);
  editor = new Editor(guest);
  await host.initialize();
  await host.ask('peerweave/configure', {});
  await guest.initialize(process.pid, VSCODE);
  await guest.ask('peerweave/configure', {});
});
afterEach(async () => {
  host.kill();
  guest.kill();
  await world.end();
});

/** Alice and Bob in a session, with `base` in common. */
async function meet(base: readonly Edit[], aliceName = 'Alice'): Promise<void> {
  commitEdits(alice.repo, base, 'base');
  const { invite } = await host.ask('peerweave/share', { repo: alice.repo, name: aliceName, settings: SETTINGS });
  await guest.ask('peerweave/join', { invite, directory: bob.repo, name: 'Bob', settings: SETTINGS });
  await guest.event((event) => event.event === 'synced');
  git(bob.repo, 'config', 'user.name', 'Bob');
  git(bob.repo, 'config', 'user.email', 'bob@example.org');
}

/** Both go on at once; resolves when the editor hears of it. Returns Alice's tip. */
async function diverge(mine: readonly Edit[], theirs: readonly Edit[]): Promise<string> {
  await guest.ask('peerweave/settings', { settings: { ...SETTINGS, autoSync: false } });
  await host.ask('peerweave/settings', { settings: { ...SETTINGS, autoSync: false } });
  commitEdits(bob.repo, mine, 'mine');
  const tip = commitEdits(alice.repo, theirs, 'theirs');
  await guest.ask('peerweave/settings', { settings: SETTINGS });
  await host.ask('peerweave/settings', { settings: SETTINGS });
  await host.ask('peerweave/sync', { repo: alice.repo });
  await guest.ask('peerweave/sync', { repo: bob.repo });
  await editor.until(() => editor.active);
  return tip;
}

const open = (path: string, text?: string): string => {
  const file = join(bob.repo, path);
  return editor.open(file, text ?? readFileSync(file, 'utf8'));
};
const tips = async (): Promise<string[]> => {
  const { session } = await guest.ask('peerweave/sync', { repo: bob.repo });
  return session.conflicts.flatMap(({ candidates }) => candidates.map(({ oid }) => oid));
};

describe('prompts on the lines of open files', () => {
  it('no text of any file goes to the engine while nothing diverged', async () => {
    await meet([{ f: lines(9) }]);
    open('f');
    await guest.ask('peerweave/sync', { repo: bob.repo });
    expect([editor.active, [...editor.sent]]).toEqual([false, []]);
  });

  it('say who changed them in which commit, where they are in what is on the screen', async () => {
    await meet([{ f: lines(20), other: 'x\n' }]);
    const tip = await diverge([{ f: lines(20, { 5: 'mine' }) }], [{ f: lines(20, { 5: 'theirs', 15: 'theirs' }) }]);
    const short = tip.slice(0, 7);
    const uri = open('f', `a new line\n${readFileSync(join(bob.repo, 'f'), 'utf8')}`);
    open('other');
    await editor.until(() => editor.diagnostics.get(uri)?.length === 2);
    const rest = 'Compare · Take theirs · Resolve…';
    expect(await editor.read(uri)).toEqual([
      `5: Alice changed these lines in ${short} · ${rest}`,
      `15: Alice changed these lines in ${short} · ${rest}`,
    ]);
    const said = editor.diagnostics
      .get(uri)
      ?.map(({ severity, source, range, message }) => [range.start.line, severity, source, message]);
    expect(said).toEqual([
      [
        5,
        3,
        'peerweave',
        `Alice changed these lines in ${short}, and you changed them too: this will not merge by itself.`,
      ],
      [15, 4, 'peerweave', `Alice changed these lines in ${short}.`],
    ]);
    const [, compare] = await editor.lenses(uri);
    expect(compare?.command?.command).toBe('peerweave.compare');
    const target = conflictTarget.parse(compare?.command?.arguments?.[0]);
    expect(target).toEqual({ repo: bob.repo, branch: 'main', tip, path: 'f' });
    expect([...editor.diagnostics.keys()]).toEqual([uri]);
  });

  it('follow the lines while they are edited, and go where both came to the same', async () => {
    await meet([{ f: lines(20) }]);
    await diverge([{ f: lines(20, { 5: 'mine' }) }], [{ f: lines(20, { 5: 'theirs', 15: 'theirs' }) }]);
    const uri = open('f');
    expect((await editor.read(uri)).map((line) => line.split(':')[0])).toEqual(['4', '14']);
    editor.edit(uri, `\n\n${editor.textOf(uri)}`);
    expect((await editor.read(uri)).map((line) => line.split(':')[0])).toEqual(['6', '16']);
    const [use] = await editor.actions(uri, 16);
    expect(use?.title).toBe('Use these lines of Alice');
    editor.apply(use!);
    expect(editor.textOf(uri)).toBe(`\n\n${lines(20, { 5: 'mine', 15: 'theirs' })}`);
    expect(await editor.read(uri)).toHaveLength(1);
    await editor.until(() => editor.diagnostics.get(uri)?.length === 1);
  });

  it("[ED5] show the peer's lines as text that means nothing", async () => {
    const evil = '```\n[click](command:evil) <img src=x> $(alert)';
    await meet([{ 'f.md': lines(9) }], '$(zap) [Al](command:x)');
    await diverge([{ 'f.md': lines(9, { 5: 'mine' }) }], [{ 'f.md': lines(9, { 5: evil }) }]);
    const uri = open('f.md');
    const [lens] = await editor.lenses(uri);
    expect(lens?.command?.title).not.toContain('$(');
    const contents = (await editor.hover(uri, 4))?.contents as { kind: string; value: string };
    expect(contents.kind).toBe('markdown');
    expect(contents.value).toContain(`\`\`\`\`plaintext\n${evil}\n\`\`\`\``);
    expect(contents.value.split('\n')[0]).toMatch(
      /^\\\$.*\\\(zap\\\) \\\[Al\\\]\\\(command\\:x\\\) changed these lines/,
    );
    expect(await editor.hover(uri, 0)).toBeNull();
  });

  it('name the commit that changed the lines, of several', async () => {
    await meet([{ f: lines(30) }]);
    let first = '';
    await diverge(
      [{ f: lines(30, { 15: 'mine' }) }],
      [
        (root) => (first = commit(root, { f: lines(30, { 3: 'first' }) }, 'first')),
        { f: lines(30, { 3: 'first', 25: 'second' }) },
      ],
    );
    const titles = (await editor.read(open('f'))).map((line) => line.split(' · ')[0]);
    expect(titles).toEqual([
      `2: Alice changed these lines in ${first.slice(0, 7)}`,
      `24: Alice changed these lines in ${revParse(alice.repo, 'main').slice(0, 7)}`,
    ]);
  });

  it('follow files that were renamed, on either side, and tell of what has no lines', async () => {
    const picture = Buffer.from([0, 1, 2]);
    await meet([{ a: lines(30), b: lines(40), gone: lines(9), 'p.png': picture, 'crlf.txt': lines(9) }]);
    const tip = await diverge(
      [move('a', 'mine-a'), { both: 'mine\n' }],
      [
        move('b', 'theirs-b'),
        { a: lines(30, { 9: 'theirs' }), 'theirs-b': lines(40, { 9: 'theirs' }), gone: null, both: 'theirs\n' },
        { 'p.png': Buffer.from([0, 3]), 'crlf.txt': lines(9, { 5: 'theirs' }) },
      ],
    );
    const first = async (path: string, text?: string): Promise<string | undefined> =>
      (await editor.read(open(path, text)))[0]?.split(' · ')[0];
    const by = `in ${tip.slice(0, 7)}`;
    const [, compare] = await editor.lenses(open('b'));
    expect(compare?.command?.arguments).toEqual([
      { repo: bob.repo, branch: 'main', tip, path: 'b', theirPath: 'theirs-b' },
    ]);
    expect(await first('mine-a')).toBe(`8: Alice changed these lines ${by}`);
    expect(await first('b')).toBe(`8: Alice changed these lines ${by}`);
    expect(await first('gone')).toBe(`0: Alice deleted this file ${by}`);
    expect(await first('both')).toBe(`0: Alice added this file too ${by}`);
    expect(await first('p.png', '?')).toBe(`0: Alice changed this file ${by}`);
    expect(await first('crlf.txt', lines(9).replaceAll('\n', '\r\n'))).toBe(`4: Alice changed these lines ${by}`);
  });

  it('find files through links, and mind none that are elsewhere', async () => {
    await meet([{ 'dir/f': lines(9) }]);
    await diverge([{ 'dir/f': lines(9, { 1: 'mine' }) }], [{ 'dir/f': lines(9, { 5: 'theirs' }) }]);
    const link = join(world.folder.path, 'link');
    symlinkSync(join(bob.repo, 'dir'), link);
    const linked = editor.open(join(link, 'f'), readFileSync(join(link, 'f'), 'utf8'));
    expect(await editor.read(linked)).toHaveLength(1);
    mkdirSync(join(world.folder.path, 'dir'));
    writeFileSync(join(world.folder.path, 'dir/f'), lines(9));
    expect(await editor.read(editor.open(join(world.folder.path, 'dir/f'), lines(9)))).toEqual([]);
    expect(await editor.read(editor.open(join(bob.repo, 'nowhere'), lines(9)))).toEqual([]);
  });

  it('are there in a linked worktree, for the branch that is checked out in it', async () => {
    await meet([{ f: lines(9) }]);
    const tip = await diverge([{ f: lines(9, { 1: 'mine' }) }], [{ f: lines(9, { 5: 'theirs' }) }]);
    git(bob.repo, 'switch', '--quiet', '--create', 'elsewhere');
    const linked = join(world.folder.path, 'linked');
    git(bob.repo, 'worktree', 'add', '--quiet', linked, 'main');
    const uri = editor.open(join(linked, 'f'), lines(9, { 1: 'mine' }));
    await expect.poll(() => editor.read(uri), { timeout: 20_000 }).toHaveLength(1);
    const [, compare] = await editor.lenses(uri);
    expect(compare?.command?.arguments).toEqual([{ repo: bob.repo, branch: 'main', tip, path: 'f' }]);
    // The branch that is in the main worktree now has diverged from nothing.
    expect(await editor.read(open('f'))).toEqual([]);
  });

  it('a text too long to be compared while somebody types has none', async () => {
    await meet([{ f: lines(9) }]);
    await diverge([{ f: lines(9, { 1: 'mine' }) }], [{ f: lines(9, { 5: 'theirs' }) }]);
    expect(await editor.read(open('f', 'long line\n'.repeat(110_000)))).toEqual([]);
  });

  it('[CO5] go by themselves when somebody settles it, and the documents with them', async () => {
    await meet([{ f: lines(9) }]);
    const tip = await diverge([{ f: lines(9, { 1: 'mine' }) }], [{ f: lines(9, { 5: 'theirs' }) }]);
    const uri = open('f');
    await editor.until(() => editor.diagnostics.get(uri)?.length === 1);
    expect(await editor.read(uri)).toHaveLength(1);
    git(alice.repo, 'fetch', '--quiet', bob.repo, 'main');
    git(alice.repo, 'merge', '--quiet', '--no-edit', 'FETCH_HEAD');
    await editor.until(() => editor.diagnostics.get(uri)?.length === 0 && !editor.active);
    await expect.poll(() => revParse(bob.repo, 'main'), { timeout: 20_000 }).toBe(revParse(alice.repo, 'main'));
    expect(git(bob.repo, 'rev-list', 'main')).toContain(tip);
  });

  it('an editor that cannot be asked later is told everything at the beginning', async () => {
    const home = join(world.folder.path, 'plain');
    const engine = new StdioEngine(home);
    const answer: unknown = await engine.connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: {},
    });
    await engine.connection.sendNotification('initialized', {});
    const textDocument = { uri: 'file:///f', languageId: 'c', version: 1, text: 'x\n' };
    await engine.connection.sendNotification('textDocument/didOpen', { textDocument });
    expect(await engine.connection.sendRequest('textDocument/codeLens', { textDocument })).toEqual([]);
    // Whose engine it is has not been said: looking at documents must not make it somebody.
    expect(existsSync(join(home, 'identity.pem'))).toBe(false);
    engine.kill();
    expect(answer).toMatchObject({
      capabilities: { textDocumentSync: { openClose: true, change: 2 }, hoverProvider: true },
    });
  });
});

describe('merging with markers', () => {
  const base = [{ f: lines(9), g: lines(9) }];
  const mine = [{ f: lines(9, { 5: 'mine' }), g: lines(9, { 5: 'mine' }) }];
  const theirs = [{ f: lines(9, { 5: 'theirs' }), g: lines(9, { 5: 'theirs' }) }];

  it('lenses know whose each side is, decide a conflict, and complete the merge when none is left', async () => {
    await meet(base);
    const tip = await diverge(mine, theirs);
    const begun = { repo: bob.repo, branch: 'main', tips: await tips(), theirs: tip };
    expect(await guest.ask('peerweave/mergeWithMarkers', begun)).toEqual({ files: ['f', 'g'] });
    const [f, g] = [open('f'), open('g')];
    const short = tip.slice(0, 7);
    const block = `4: Keep mine · Take theirs (Alice, ${short}) · Take both`;
    await expect.poll(() => editor.read(f)).toEqual([block]);

    const [keep, take, both] = await editor.lenses(f);
    expect(keep?.command).toMatchObject({ command: 'peerweave.takeBlock', arguments: [{ uri: f, version: 1 }] });
    expect([take, both].map((lens) => lens?.command?.command)).toEqual(['peerweave.takeBlock', 'peerweave.takeBlock']);
    const actions = await editor.actions(f, 6);
    editor.apply(actions.find(({ title }) => title === 'Keep mine')!);
    expect(editor.textOf(f)).toBe(lines(9, { 5: 'mine' }));
    expect(await editor.read(f)).toEqual(['0: 1 file left in the merge with Alice · Abort merge']);

    const before = editor.refreshes;
    const [, theirLines] = await editor.actions(g, 4);
    editor.apply(theirLines!);
    expect(editor.textOf(g)).toBe(lines(9, { 5: 'theirs' }));
    await editor.until(() => editor.refreshes > before);
    const complete = `0: Complete merge (Alice, ${short}) · Abort merge`;
    expect([await editor.read(f), await editor.read(g)]).toEqual([[complete], [complete]]);

    // Nothing of that is on the disk yet.
    const refused = guest.ask('peerweave/completeMerge', { repo: bob.repo });
    await expect(refused).rejects.toMatchObject({ data: { reason: 'conflict-unresolved' } });
    for (const [path, uri] of [
      ['f', f],
      ['g', g],
    ] as const)
      writeFileSync(join(bob.repo, path), editor.textOf(uri));
    const ours = revParse(bob.repo, 'main');
    const { commit: made } = await guest.ask('peerweave/completeMerge', { repo: bob.repo });
    expect(git(bob.repo, 'rev-list', '--parents', '-1', 'main')).toBe(`${made} ${ours} ${tip}`);
    expect(git(bob.repo, 'show', '-s', '--format=%an: %s', 'main')).toBe(`Bob: Merge Alice's main (${short})`);
    await expect.poll(() => revParse(alice.repo, 'main'), { timeout: 20_000 }).toBe(made);
    await editor.until(() => !editor.active);
  });

  it('[SY6] the branch waits meanwhile, and the others see who is at it; taken back, it is as it was', async () => {
    await meet(base);
    const tip = await diverge(mine, theirs);
    const seen = await tips();
    await guest.ask('peerweave/mergeWithMarkers', { repo: bob.repo, branch: 'main', tips: seen, theirs: tip });
    const { merge } = await guest.ask('peerweave/markerMerge', { repo: bob.repo });
    expect(merge).toMatchObject({
      root: bob.repo,
      branch: 'main',
      theirs: tip,
      owners: ['Alice'],
      files: [
        { path: 'f', state: 'markers' },
        { path: 'g', state: 'markers' },
      ],
    });
    const atIt = async (): Promise<unknown[]> =>
      (await host.ask('peerweave/sync', { repo: alice.repo })).session.conflicts.map(({ resolving }) =>
        resolving.map(({ name }) => name),
      );
    await expect.poll(atIt, { timeout: 20_000 }).toEqual([['Bob']]);
    // Alice settles it by herself: Bob could fast-forward, but for his merge.
    git(alice.repo, 'fetch', '--quiet', bob.repo, 'main');
    expect(() => git(alice.repo, 'merge', '--quiet', 'FETCH_HEAD')).toThrow();
    const settled = commit(alice.repo, { f: 'settled\n', g: 'settled\n' }, 'settle');
    const pending = async (): Promise<string | undefined> =>
      (await guest.ask('peerweave/sync', { repo: bob.repo })).session.pending[0]?.detail;
    await expect.poll(pending, { timeout: 20_000 }).toContain('a merge is in progress');
    expect(readFileSync(join(bob.repo, 'f'), 'utf8')).toContain('<<<<<<< HEAD');

    await guest.ask('peerweave/abortMerge', { repo: bob.repo });
    await expect.poll(() => revParse(bob.repo, 'main'), { timeout: 20_000 }).toBe(settled);
    expect([git(bob.repo, 'status', '--porcelain'), readFileSync(join(bob.repo, 'f'), 'utf8')]).toEqual([
      '',
      'settled\n',
    ]);
    expect(await guest.ask('peerweave/markerMerge', { repo: bob.repo })).toEqual({ merge: null });
  });

  it('is refused when the candidates are not those that the person saw', async () => {
    await meet(base);
    const tip = await diverge(mine, theirs);
    const seen = await tips();
    commit(alice.repo, { more: 'more\n' });
    await host.ask('peerweave/sync', { repo: alice.repo });
    await expect.poll(tips, { timeout: 20_000 }).toContain(revParse(alice.repo, 'main'));
    const late = guest.ask('peerweave/mergeWithMarkers', { repo: bob.repo, branch: 'main', tips: seen, theirs: tip });
    await expect(late).rejects.toMatchObject({ data: { reason: 'conflict-moved' } });
    expect(git(bob.repo, 'status', '--porcelain')).toBe('');
  });

  it('[SY6] asks for a review of files that run code on open', async () => {
    await meet(base);
    const tip = await diverge(mine, [{ '.vscode/tasks.json': '{}\n' }]);
    const begin = { repo: bob.repo, branch: 'main', tips: await tips(), theirs: tip };
    await expect(guest.ask('peerweave/mergeWithMarkers', begin)).rejects.toMatchObject({
      data: { reason: 'review-needed' },
      message: expect.stringContaining('.vscode/tasks.json') as string,
    });
    expect(await guest.ask('peerweave/mergeWithMarkers', { ...begin, reviewed: true })).toEqual({ files: [] });
  });
});
