import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { readdirSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { FileDecision, ResolveOutcome, ResolveRequest } from '../../../extension/src/p2p/repo/resolution.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { diverge, executable, lines, move, type Diverged } from '../../support/diverged.ts';
import { FILE_CONFLICTS } from '../../support/file-conflicts.ts';
import { fsck, git } from '../../support/git.ts';
import { rejectionReason } from '../../support/reason.ts';
import { Shelf } from '../../support/shelf.ts';

const shelf = new Shelf();

afterEach(() => shelf.close());
afterAll(() => shelf.remove());

const author = { fallbackName: 'Ada', now: 1_700_000_123_456 };

async function resolve(
  { root, tips }: Diverged,
  merge: readonly FileDecision[],
  more: Partial<ResolveRequest> = {},
): Promise<ResolveOutcome> {
  return (await shelf.open(root)).resolve({ heads: tips, tree: { merge }, message: 'Settled', author, ...more });
}

async function committed(d: Diverged, merge: readonly FileDecision[]): Promise<Oid> {
  const outcome = await resolve(d, merge);
  if (outcome.outcome !== 'committed') throw new Error(JSON.stringify(outcome));
  return outcome.commit;
}

const entries = (root: string, tree: string): string[] =>
  git(root, 'ls-tree', '-r', tree).split('\n').filter(Boolean).sort();
const blob = (root: string, commit: Oid, path: string): string => git(root, 'cat-file', 'blob', `${commit}:${path}`);

describe('[CO5] a person takes one side of every file that does not merge', () => {
  it.each(FILE_CONFLICTS)('$name', async ({ base, ours, theirs }) => {
    // Beside it a file that merges by itself, so that the merge is neither side.
    const d = diverge(
      shelf.newRoot(),
      [...base, { beside: lines(9) }],
      [...ours, { beside: lines(9, { 1: 'o' }) }],
      [...theirs, { beside: lines(9, { 9: 't' }) }],
    );
    const found = await (await shelf.open(d.root)).previewMerge({ tips: d.tips });
    const conflicting = found.conflicts.flatMap(({ files }) => files);
    const concerned = new Set(conflicting.flatMap(({ path, related }) => [path, ...related]));
    for (const tip of d.tips) {
      const commit = await committed(
        d,
        conflicting.map(({ path }) => ({ path, use: 'side' as const, tip })),
      );
      const at = (tree: string): string[] =>
        entries(d.root, tree).filter((line) => [...concerned].some((path) => isAt(line, path)));
      expect(at(commit)).toEqual(at(tip));
      expect(blob(d.root, commit, 'beside')).toBe(lines(9, { 1: 'o', 9: 't' }).trim());
      expect(entries(d.root, commit).join('\n')).not.toMatch(/~[0-9a-f]{40}/);
    }
    fsck(d.root);
  });
});

/** Whether a line of `ls-tree` is of this path, or of what lies in it; names with other than ASCII come quoted. */
function isAt(line: string, path: string): boolean {
  const name = line.slice(line.indexOf('\t') + 1);
  const quoted = `"${[...Buffer.from(path)].map((byte) => (byte < 128 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`)).join('')}"`;
  return name === path || name === quoted || name.startsWith(`${path}/`);
}

describe('[CO5] a resolution', () => {
  const conflict = (): Diverged =>
    diverge(
      shelf.newRoot(),
      [{ f: lines(9), g: '1\n' }],
      [{ f: lines(9, { 5: 'ours' }), mine: 'm\n' }],
      [{ f: lines(9, { 5: 'theirs' }), g: null }],
    );

  it('has all candidates as parents, ours first, and the person as author', async () => {
    const d = conflict();
    git(d.root, 'config', 'user.name', 'Ada <L>\tovelace');
    git(d.root, 'config', 'user.email', 'ada@example.org');
    const text = lines(9, { 5: 'both' });
    const outcome = await resolve(d, [{ path: 'f', use: 'text', text }], { message: '\nSettled  \r\n\nbody\0\n\n' });
    if (outcome.outcome !== 'committed') throw new Error(outcome.outcome);
    const { commit } = outcome;
    expect(git(d.root, 'show', '-s', '--format=%P', commit)).toBe(d.tips.join(' '));
    expect(git(d.root, 'show', '-s', '--format=%an|%ae|%cn|%ce|%ct|%B', commit)).toBe(
      'Ada Lovelace|ada@example.org|Ada Lovelace|ada@example.org|1700000123|Settled\n\nbody',
    );
    expect(blob(d.root, commit, 'f')).toBe(text.trim());
    expect(entries(d.root, commit).map((line) => line.split('\t')[1])).toEqual(['f', 'mine']);
    // On no ref, and no file was touched.
    expect(git(d.root, 'for-each-ref', '--contains', commit)).toBe('');
    expect(git(d.root, 'status', '--porcelain')).toBe('');
    fsck(d.root);
  });

  it('names the files that nobody decided, and makes nothing', async () => {
    const d = conflict();
    const before = git(d.root, 'count-objects', '-v');
    expect(await resolve(d, [{ path: 'g', use: 'delete' }])).toMatchObject({
      outcome: 'undecided',
      files: [{ path: 'f', kinds: ['content'] }],
    });
    expect(git(d.root, 'count-objects', '-v')).toBe(before);
    expect(readdirSync(join(d.root, '.git/peerweave/staging'))).toEqual([]);
  });

  it('may also decide files that merge by themselves, and refuses those that nobody has', async () => {
    const d = conflict();
    const commit = await committed(d, [
      { path: 'f', use: 'delete' },
      { path: 'g', use: 'side', tip: d.tips[0]! },
      { path: 'mine', use: 'text', text: 'ours\r\n' },
    ]);
    expect(blob(d.root, commit, 'g')).toBe('1');
    expect(git(d.root, 'cat-file', '-s', `${commit}:mine`)).toBe('6');
    for (const path of ['nowhere', '.git/config', '../f'])
      expect(
        await rejectionReason(
          resolve(d, [
            { path: 'f', use: 'delete' },
            { path, use: 'text', text: 'x' },
          ]),
        ),
      ).toBe('bad-request');
    const stranger: FileDecision = { path: 'f', use: 'side', tip: 'f'.repeat(40) as Oid };
    expect(await rejectionReason(resolve(d, [stranger]))).toBe('bad-request');
  });

  it('keeps a file executable, whatever its name or text', async () => {
    const path = 'dir/a "b"\tc';
    const d = diverge(shelf.newRoot(), [{ [path]: '1\n' }, executable(path)], [{ [path]: '2\n' }], [{ [path]: '3\n' }]);
    const commit = await committed(d, [{ path, use: 'text', text: '\ufeff4\r\n' }]);
    expect(git(d.root, 'ls-tree', '-r', '-z', commit)).toMatch(/^100755 blob [0-9a-f]{40}\tdir\/a "b"\tc\0$/);
    expect(git(d.root, 'cat-file', '-s', `${commit}:${path}`)).toBe('6');
  });

  it('of three sides asks for what does not merge between any two', async () => {
    const d = diverge(
      shelf.newRoot(),
      [{ f: lines(9), g: lines(9) }],
      [{ f: lines(9, { 1: 'a' }) }],
      [{ f: lines(9, { 1: 'b' }), g: lines(9, { 5: 'b' }) }],
      [{ f: lines(9, { 9: 'c' }), g: lines(9, { 5: 'c' }) }],
    );
    const found = await (await shelf.open(d.root)).previewMerge({ tips: d.tips });
    expect(found.conflicts.map(({ tip, files }) => [tip, files.map(({ path }) => path)])).toEqual([
      [d.tips[1], ['f']],
      [d.tips[2], ['g']],
    ]);
    const g: FileDecision = { path: 'g', use: 'side', tip: d.tips[2]! };
    expect(await resolve(d, [g])).toMatchObject({ outcome: 'undecided', files: [{ path: 'f' }] });
    const commit = await committed(d, [g, { path: 'f', use: 'text', text: 'abc\n' }]);
    expect(git(d.root, 'show', '-s', '--format=%P', commit)).toBe(d.tips.join(' '));
    expect(blob(d.root, commit, 'g')).toBe(lines(9, { 5: 'c' }).trim());
  });

  it('takes a side whole', async () => {
    const d = conflict();
    const outcome = await resolve(d, [], { tree: { take: d.tips[1]! } });
    if (outcome.outcome !== 'committed') throw new Error(outcome.outcome);
    expect(git(d.root, 'rev-parse', `${outcome.commit}^{tree}`)).toBe(git(d.root, 'rev-parse', `${d.tips[1]}^{tree}`));
    expect(await rejectionReason(resolve(d, [], { tree: { take: d.base } }))).toBe('bad-request');
  });

  it('is by the name in the session where git knows nobody, and by an address that is nobody’s', async () => {
    const d = conflict();
    git(d.root, 'config', 'user.name', ' ');
    git(d.root, 'config', 'user.email', '');
    const commit = await committed(d, [{ path: 'f', use: 'delete' }]);
    expect(git(d.root, 'show', '-s', '--format=%an <%ae>', commit)).toBe('Ada <ada@peerweave.invalid>');
  });

  it('runs no hook and signs nothing', async () => {
    const d = conflict();
    git(d.root, 'config', 'commit.gpgSign', 'true');
    git(d.root, 'config', 'gpg.program', 'false');
    git(d.root, 'config', 'core.hooksPath', '/nonexistent');
    const commit = await committed(d, [{ path: 'f', use: 'delete' }]);
    expect(git(d.root, 'cat-file', 'commit', commit)).not.toMatch(/gpgsig/);
  });
});

describe('commits again on top of theirs', () => {
  it('keep who wrote them and when, and are committed by the person', async () => {
    const d = diverge(shelf.newRoot(), [{ f: lines(9) }], [{ f: lines(9, { 1: 'a' }) }], [{ f: lines(9, { 9: 'b' }) }]);
    git(d.root, 'checkout', '--quiet', 'side0');
    git(d.root, 'config', 'user.name', 'Cy');
    git(d.root, 'mv', 'f', 'h');
    execCommit(d.root, Buffer.from('caf\xe9\n\nbody\n', 'latin1'));
    const tip = git(d.root, 'rev-parse', 'HEAD') as Oid;
    const repository = await shelf.open(d.root);
    const replayed = await repository.replay({ tip, onto: d.tips[1]!, author });
    if (replayed.outcome !== 'replayed') throw new Error(replayed.outcome);
    const { commit } = replayed;
    expect(git(d.root, 'log', '--format=%an %at %cn %ct %s', `${d.tips[1]}..${commit}`).split('\n')).toEqual([
      'Bea 1600000000 Cy 1700000123 café',
      'Ada 1700000000 Cy 1700000123 side 0',
    ]);
    expect(git(d.root, 'cat-file', 'commit', commit)).toMatch(/^encoding ISO-8859-1$/m);
    expect(blob(d.root, commit, 'h')).toBe(lines(9, { 1: 'a', 9: 'b' }).trim());
    expect(git(d.root, 'status', '--porcelain')).toBe('');
    fsck(d.root);
  });

  it('are left out where they bring nothing new', async () => {
    const d = diverge(shelf.newRoot(), [{ f: '1\n' }], [{ f: '2\n' }], [{ f: '2\n' }, { g: '3\n' }]);
    const repository = await shelf.open(d.root);
    expect(await repository.replay({ tip: d.tips[0]!, onto: d.tips[1]!, author })).toEqual({
      outcome: 'replayed',
      commit: d.tips[1],
    });
  });

  it('are refused where one does not apply, is a merge, or has nothing in common', async () => {
    const d = diverge(shelf.newRoot(), [{ f: '1\n' }], [{ f: '2\n' }], [{ f: '3\n' }], [{ g: '4\n' }]);
    const repository = await shelf.open(d.root);
    const [a, b, c] = d.tips as [Oid, Oid, Oid];
    expect(await repository.replay({ tip: a, onto: b, author })).toMatchObject({
      outcome: 'conflicts',
      at: a,
      files: [{ path: 'f' }],
    });
    git(d.root, 'checkout', '--quiet', 'side2');
    git(d.root, 'merge', '--quiet', '-m', 'merged', a);
    const merge = git(d.root, 'rev-parse', 'HEAD') as Oid;
    expect(await repository.replay({ tip: merge, onto: b, author })).toEqual({ outcome: 'merges', at: merge });
    git(d.root, 'checkout', '--quiet', '--orphan', 'other');
    git(d.root, 'commit', '--quiet', '--message', 'root');
    const other = git(d.root, 'rev-parse', 'HEAD') as Oid;
    expect(await repository.replay({ tip: other, onto: c, author })).toEqual({ outcome: 'unrelated' });
  });
});

function execCommit(root: string, message: Buffer): void {
  git(root, 'add', '--all');
  const tree = git(root, 'write-tree');
  const parent = git(root, 'rev-parse', 'HEAD');
  const text = Buffer.concat([
    Buffer.from(
      `tree ${tree}\nparent ${parent}\nauthor Bea <b@x> 1600000000 +0530\ncommitter Bea <b@x> 1600000000 +0530\n`,
    ),
    Buffer.from('encoding ISO-8859-1\ngpgsig -----BEGIN\n x\n\n'),
    message,
  ]);
  const commit = execFileSync('git', ['hash-object', '-t', 'commit', '-w', '--stdin'], { cwd: root, input: text });
  git(root, 'reset', '--quiet', '--hard', commit.toString().trim());
}

describe('the versions of a file', () => {
  it('are told for what they are, through no filter', async () => {
    const big = 'x'.repeat(4_000_001);
    const d = diverge(
      shelf.newRoot(),
      [{ f: 'base\n', '.gitattributes': '* filter=evil diff=evil text eol=crlf\n' }],
      [{ f: 'ours\n', big, bin: Buffer.from([0xff, 0xfe]), nul: 'a\0b' }],
      [{ f: null }],
    );
    git(d.root, 'config', 'filter.evil.smudge', 'echo evil');
    git(d.root, 'config', 'diff.evil.textconv', 'echo evil');
    const repository = await shelf.open(d.root);
    const [ours, theirs] = d.tips as [Oid, Oid];
    expect(await repository.conflictVersions({ ours, theirs, path: 'f' })).toEqual({
      base: { mode: '100644', bytes: 5, kind: 'text', text: 'base\n' },
      ours: { mode: '100644', bytes: 5, kind: 'text', text: 'ours\n' },
      theirs: null,
    });
    expect(await repository.fileAt(ours, 'big')).toEqual({ mode: '100644', bytes: 4_000_001, kind: 'too-large' });
    expect(await repository.fileAt(ours, 'bin')).toMatchObject({ kind: 'binary' });
    expect(await repository.fileAt(ours, 'nul')).toMatchObject({ kind: 'binary' });
    for (const path of ['nowhere', ':(glob)*', 'f/', '../f']) expect(await repository.fileAt(ours, path)).toBeNull();
    expect(await rejectionReason(repository.fileAt('f'.repeat(40) as Oid, 'f'))).toBe('object-missing');
  });

  it('are found under the names that each side and the base have', async () => {
    const d = diverge(
      shelf.newRoot(),
      [{ f: lines(9), g: lines(12), h: lines(15) }],
      [move('f', 'f2'), move('g', 'g-ours'), move('h', 'h2'), { f2: lines(9, { 1: 'ours' }) }],
      [{ f: lines(9, { 1: 'theirs' }) }, move('g', 'g-theirs'), { h: lines(15, { 9: 'theirs' }) }],
    );
    const repository = await shelf.open(d.root);
    const [ours, theirs] = d.tips as [Oid, Oid];
    const texts = async (path: string) => {
      const found = await repository.conflictVersions({ ours, theirs, path });
      return [found.base?.text, found.ours?.text, found.theirs?.text];
    };
    expect(await texts('f2')).toEqual([lines(9), lines(9, { 1: 'ours' }), lines(9, { 1: 'theirs' })]);
    expect(await texts('g')).toEqual([lines(12), lines(12), lines(12)]);
    expect(await texts('h2')).toEqual([lines(15), lines(15), lines(15, { 9: 'theirs' })]);
  });

  it('of links and submodules say where they point', async () => {
    const { base, ours, theirs } = FILE_CONFLICTS.find(({ name }) => name.startsWith('a submodule'))!;
    const d = diverge(shelf.newRoot(), base, ours, theirs);
    const found = await (
      await shelf.open(d.root)
    ).conflictVersions({ ours: d.tips[0]!, theirs: d.tips[1]!, path: 'sub' });
    expect(found.theirs).toEqual({ mode: '160000', bytes: 0, kind: 'submodule', text: 'c'.repeat(40) });
    const linked = FILE_CONFLICTS.find(({ name }) => name === 'a file and a link')!;
    const e = diverge(shelf.newRoot(), linked.base, linked.ours, linked.theirs);
    const versions = await (
      await shelf.open(e.root)
    ).conflictVersions({ ours: e.tips[0]!, theirs: e.tips[1]!, path: 'f' });
    expect(versions).toMatchObject({ ours: { kind: 'text' }, theirs: { kind: 'link', text: 'elsewhere' } });
  });
});
