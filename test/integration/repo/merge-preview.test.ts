import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { ConflictFile, MergePreview } from '../../../extension/src/p2p/repo/merge.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import {
  commitEdits,
  diverge,
  executable,
  lines,
  move,
  submodule,
  type Diverged,
  type Edit,
} from '../../support/diverged.ts';
import { FILE_CONFLICTS } from '../../support/file-conflicts.ts';
import { git, initRepository } from '../../support/git.ts';
import { rejectionReason } from '../../support/reason.ts';
import { Shelf } from '../../support/shelf.ts';

const shelf = new Shelf();

afterEach(() => shelf.close());
afterAll(() => shelf.remove());

async function preview({ root, tips }: Diverged): Promise<MergePreview> {
  return (await shelf.open(root)).previewMerge({ tips });
}

const conflictsOf = (found: MergePreview): readonly ConflictFile[] => found.conflicts.flatMap(({ files }) => files);

describe('[CO1] each kind of conflict between files is told for what it is', () => {
  it.each(FILE_CONFLICTS)('$name', async ({ base, ours, theirs, expected }) => {
    const found = await preview(diverge(shelf.newRoot(), base, ours, theirs));
    const told = conflictsOf(found).map(
      ({ path, kinds, related }) =>
        `${path}: ${kinds.join(' ')}${related.length > 0 ? ` (${related.join(', ')})` : ''}`,
    );
    expect(told).toEqual(expected);
    expect(found.outcome).toBe('conflicts');
  });

  it('with the versions of all three', async () => {
    const d = diverge(shelf.newRoot(), [{ f: 'base\n' }], [{ f: 'ours\n' }], [{ f: 'theirs\n' }]);
    const [file] = conflictsOf(await preview(d));
    const oids = [file?.base?.oid, file?.ours?.oid, file?.theirs?.oid];
    expect(oids.map((oid) => git(d.root, 'cat-file', 'blob', oid!))).toEqual(['base', 'ours', 'theirs']);
  });

  it.each<readonly [string, readonly Edit[], readonly Edit[], readonly Edit[]]>([
    ['a mode and lines of the same file', [{ f: lines(9) }], [executable('f')], [{ f: lines(9, { 5: 'theirs' }) }]],
    ['a rename and lines of the same file', [{ f: lines(30) }], [move('f', 'g')], [{ f: lines(30, { 5: 'theirs' }) }]],
    [
      'the same file that both add, or delete',
      [{ f: '1\n', h: '1\n' }],
      [{ g: '1\n', f: null, a: 'a\n' }],
      [{ g: '1\n', f: null }],
    ],
    [
      'line endings on other lines',
      [{ f: lines(20) }],
      [{ f: lines(20, { 1: '1\r' }) }],
      [{ f: lines(20, { 20: 'b' }) }],
    ],
    [
      'a submodule that one moved',
      [submodule('sub', 'a'.repeat(40))],
      [submodule('sub', 'b'.repeat(40))],
      [{ f: '1\n' }],
    ],
  ])('but %s merge', async (_, base, ours, theirs) => {
    expect(await preview(diverge(shelf.newRoot(), base, ours, theirs))).toMatchObject({
      outcome: 'clean',
      conflicts: [],
    });
  });

  it('a file that one side calls by another case is no conflict, as only one of the names is left', async () => {
    const found = await preview(
      diverge(shelf.newRoot(), [{ Readme: lines(9), f: '1\n' }], [move('Readme', 'README')], [{ f: '2\n' }]),
    );
    expect(found).toMatchObject({ outcome: 'clean' });
  });
});

describe('[CO1] what merges', () => {
  it('is told with the files that both changed, and what each side changed', async () => {
    const d = diverge(
      shelf.newRoot(),
      [{ f: lines(9), gone: 'x\n' }],
      [{ f: lines(9, { 1: 'ours' }), mine: 'm\n' }],
      [{ f: lines(9, { 9: 'theirs' }), gone: null }],
    );
    const found = await preview(d);
    expect(found).toMatchObject({ outcome: 'clean', conflicts: [], bases: [d.base], merged: ['f'], moreMerged: false });
    expect(found.sides.map(({ tip, changes }) => [tip, Object.fromEntries(changes)])).toEqual([
      [d.tips[0], { f: 'modified', mine: 'added' }],
      [d.tips[1], { f: 'modified', gone: 'deleted' }],
    ]);
  });

  it('lists the commits of each side, newest first, as plain text', async () => {
    const d = diverge(shelf.newRoot(), [{ f: '1\n' }], [{ a: '1\n' }], [{ b: '1\n' }]);
    git(d.root, 'checkout', '--quiet', 'side0');
    const evil = commitEdits(d.root, [{ a: '2\n' }], 'red \x1b[31m and \u202e turned\nsecond line\n\nbody');
    const [ours, theirs] = (await (await shelf.open(d.root)).previewMerge({ tips: [evil, d.tips[1]!] })).sides;
    expect(ours?.commits).toEqual([
      { oid: evil, author: 'Ada', time: 1_700_000_000, subject: 'red \ufffd[31m and \ufffd turned second line' },
      { oid: d.tips[0], author: 'Ada', time: 1_700_000_000, subject: 'side 0' },
    ]);
    expect(theirs?.commits).toHaveLength(1);
    expect(ours?.moreCommits).toBe(false);
  });

  it('three sides of which one stands against the others', async () => {
    const d = diverge(
      shelf.newRoot(),
      [{ f: lines(9), g: '1\n' }],
      [{ f: lines(9, { 1: 'a' }) }],
      [{ f: lines(9, { 1: 'b' }) }],
      [{ f: lines(9, { 9: 'c' }) }],
    );
    const found = await preview(d);
    expect(found.conflicts.map(({ tip, files }) => [tip, files.map(({ path }) => path)])).toEqual([[d.tips[1], ['f']]]);
    expect(found.bases).toEqual([d.base]);
  });
});

describe('[SY9] what is no conflict', () => {
  it('the same files, by other commits', async () => {
    const found = await preview(diverge(shelf.newRoot(), [{ f: '1\n' }], [{ f: '2\n' }], [{ f: '3\n' }, { f: '2\n' }]));
    expect(found).toMatchObject({ outcome: 'same-tree', conflicts: [] });
  });

  it('the same changes in another order, on files that git would not merge', async () => {
    const d = diverge(shelf.newRoot(), [{ f: lines(30) }], [], []);
    const both = [{ f: lines(30, { 5: 'five' }) }, { f: lines(30, { 25: 'twenty-five' }) }];
    const ours = stack(d.root, 'side0', [both[0]!, { f: lines(30, { 5: 'five', 25: 'twenty-five' }) }]);
    // The same two patches, and white space apart, which a patch id does not see.
    const last = { f: lines(30, { 5: 'five ', 25: 'twenty-five' }) };
    const theirs = stack(d.root, 'side1', [both[1]!, last]);
    const repository = await shelf.open(d.root);
    expect(await repository.previewMerge({ tips: [ours, theirs] })).toMatchObject({ outcome: 'patch-equal' });
    expect(await repository.relate([{ local: ours, remote: theirs }])).toMatchObject([
      { sameTree: false, patchEqual: true },
    ]);
  });

  it('but one more change is', async () => {
    const d = diverge(shelf.newRoot(), [{ f: '1\n' }], [{ f: '2\n' }], [{ f: '3\n' }]);
    const repository = await shelf.open(d.root);
    expect(await repository.relate([{ local: d.tips[0]!, remote: d.tips[1]! }])).toMatchObject([{ patchEqual: false }]);
  });
});

describe('a preview', () => {
  it('[CO6] leaves nothing in the repository', async () => {
    const d = diverge(shelf.newRoot(), [{ f: lines(9) }], [{ f: lines(9, { 1: 'a' }) }], [{ f: lines(9, { 9: 'b' }) }]);
    const before = git(d.root, 'count-objects', '-v');
    await preview(d);
    expect(git(d.root, 'count-objects', '-v')).toBe(before);
    expect(git(d.root, 'status', '--porcelain')).toBe('');
  });

  it('is told of sides without a common history, of tips that are missing, and of too few', async () => {
    const d = diverge(shelf.newRoot(), [{ f: '1\n' }], [{ f: '2\n' }]);
    git(d.root, 'checkout', '--quiet', '--orphan', 'other');
    const other = commitEdits(d.root, [{ f: '9\n' }], 'other root');
    const repository = await shelf.open(d.root);
    const unrelated = await repository.previewMerge({ tips: [d.tips[0]!, other] });
    expect(unrelated).toMatchObject({ outcome: 'unrelated', bases: [], conflicts: [] });
    expect(await rejectionReason(repository.previewMerge({ tips: [d.tips[0]!] }))).toBe('bad-request');
    expect(await rejectionReason(repository.previewMerge({ tips: [d.tips[0]!, 'f'.repeat(40) as Oid] }))).toBe(
      'internal',
    );
  });

  it('can be cancelled, gives up in time, and leaves no folder behind', async () => {
    const d = diverge(shelf.newRoot(), [{ f: '1\n' }], [{ f: '2\n' }], [{ f: '3\n' }]);
    const repository = await shelf.open(d.root);
    const abort = new AbortController();
    const cancelled = rejectionReason(repository.previewMerge({ tips: d.tips, signal: abort.signal }));
    abort.abort();
    expect(await cancelled).toBe('cancelled');
    expect(await rejectionReason(repository.previewMerge({ tips: d.tips, timeoutMs: 1 }))).toBe('timeout');
    await expect.poll(() => readdirSync(join(d.root, '.git/peerweave/staging'))).toEqual([]);
  });

  it('[C13] of a repository with SHA-256', async () => {
    const root = shelf.newRoot();
    initRepository(root, '--object-format=sha256');
    commitEdits(root, [{ f: lines(9) }], 'base');
    const tips = ['a', 'b'].map((name, i) => {
      git(root, 'checkout', '--quiet', '-b', name, 'main');
      return commitEdits(root, [{ f: lines(9, { [1 + i * 8]: name }) }], name);
    });
    expect(await (await shelf.open(root)).previewMerge({ tips })).toMatchObject({ outcome: 'clean', merged: ['f'] });
  });
});

function stack(root: string, branch: string, edits: readonly Edit[]): Oid {
  git(root, 'checkout', '--quiet', branch);
  return edits.map((edit) => commitEdits(root, [edit], 'step')).at(-1)!;
}
