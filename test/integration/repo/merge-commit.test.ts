import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { SystemGitProvider } from '../../../extension/src/p2p/repo/git/provider.ts';
import type { MergeResult } from '../../../extension/src/p2p/repo/merge.ts';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { commitEdits, diverge, lines, move, type Edit } from '../../support/diverged.ts';
import { fsck, git, gitInput, initRepository, revParse } from '../../support/git.ts';
import { makeOdd, oddHome, unsettle, withEnvironment } from '../../support/odd-person.ts';
import { rejectionReason } from '../../support/reason.ts';
import { Shelf } from '../../support/shelf.ts';
import { branch } from '../../support/two-repositories.ts';

/** Other versions of git to be the second person's, as paths with `:` between; always also the installed one. */
const GITS = ['git', ...(process.env.PEERWEAVE_TEST_GITS ?? '').split(':').filter(Boolean)];

const shelf = new Shelf();
const home = oddHome(join(shelf.path, 'home'));

afterEach(() => shelf.close());
afterAll(() => shelf.remove());

const main = branch('main');

const open = (root: string, executable = 'git'): Promise<Repository> =>
  shelf.open(root, new SystemGitProvider({ git: executable }));

/** Merges as somebody else, who has the same commits and nothing else in common. */
async function mergeElsewhere(root: string, heads: readonly Oid[], take?: Oid): Promise<MergeResult[]> {
  const results: MergeResult[] = [];
  for (const executable of GITS) {
    const other = shelf.newRoot();
    git(shelf.path, 'clone', '--quiet', root, other);
    for (const head of heads) git(other, 'fetch', '--quiet', root, head);
    unsettle(other);
    makeOdd(other, home);
    const before = git(other, 'status', '--porcelain');
    const repository = await open(other, executable);
    const environment = {
      HOME: home,
      TZ: 'Asia/Kathmandu',
      LANG: 'tr_TR.UTF-8',
      LC_ALL: 'tr_TR.UTF-8',
      GIT_AUTHOR_DATE: '2001-01-01T00:00:00+0100',
      GIT_COMMITTER_NAME: 'Somebody',
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'merge.renames',
      GIT_CONFIG_VALUE_0: 'false',
      GIT_CONFIG_KEY_1: 'diff.algorithm',
      GIT_CONFIG_VALUE_1: 'minimal',
      GIT_GRAFT_FILE: join(other, '.git/info/grafts'),
      GIT_MERGE_VERBOSITY: '5',
      GIT_ATTR_SOURCE: 'HEAD',
    };
    const request = { branch: main, heads: heads.toReversed(), ...(take === undefined ? {} : { take }) };
    results.push(await withEnvironment(environment, () => repository.mergeHeads(request)));
    expect(git(other, 'status', '--porcelain')).toBe(before);
    fsck(other);
  }
  return results;
}

const serverRefs = (root: string): void => {
  git(root, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
};

async function expectSameEverywhere(root: string, heads: readonly Oid[], take?: Oid): Promise<MergeResult> {
  serverRefs(root);
  const here = await (await open(root)).mergeHeads({ branch: main, heads, ...(take === undefined ? {} : { take }) });
  for (const there of await mergeElsewhere(root, heads, take)) expect(there).toEqual(here);
  return here;
}

describe('[D3] the same heads give the same commit to everybody', () => {
  it('with an identity, a date and a message that nobody chose', async () => {
    const d = diverge(shelf.newRoot(), [{ f: lines(9) }], [{ f: lines(9, { 1: 'a' }) }], [{ f: lines(9, { 9: 'b' }) }]);
    const result = await expectSameEverywhere(d.root, d.tips);
    const parents = [...d.tips].sort();
    expect(result).toMatchObject({ outcome: 'merged', parents });
    if (result.outcome !== 'merged') return;
    const tree = git(d.root, 'rev-parse', `${result.commit}^{tree}`);
    expect(git(d.root, 'cat-file', 'commit', result.commit)).toBe(
      [
        `tree ${tree}`,
        ...parents.map((parent) => `parent ${parent}`),
        'author Peerweave <merge@peerweave.invalid> 1700000000 +0000',
        'committer Peerweave <merge@peerweave.invalid> 1700000000 +0000',
        '',
        'Merge what diverged on main',
      ].join('\n'),
    );
    expect(git(d.root, 'show', `${result.commit}:f`)).toBe(lines(9, { 1: 'a', 9: 'b' }).trim());
  });

  it('known for good: another id for these heads would part those who update from those who have not', async () => {
    const d = diverge(shelf.newRoot(), [{ f: lines(9) }], [{ f: lines(9, { 1: 'a' }) }], [{ f: lines(9, { 9: 'b' }) }]);
    const result = await (await open(d.root)).mergeHeads({ branch: main, heads: d.tips });
    expect(result).toMatchObject({ commit: '7d43d53ba04da744a0f114ae606540b4ee50894e' });
  });

  it('dated by the newest parent, whose clock may be ahead of everybody', async () => {
    const root = initRepository(shelf.newRoot());
    const base = commitEdits(root, [{ f: lines(9) }], 'base');
    const tree = git(root, 'rev-parse', 'HEAD^{tree}');
    const at = (time: string, message: string): Oid =>
      gitInput(
        root,
        `tree ${tree}\nparent ${base}\nauthor A <a@b> 5 +0000\ncommitter A <a@b> ${time}\n\n${message}\n`,
        'hash-object',
        '-t',
        'commit',
        '-w',
        '--stdin',
      ) as Oid;
    const heads = [at('4000000000 -1130', 'ahead'), at('1600000000 +0200', 'behind')];
    git(root, 'update-ref', 'refs/heads/one', heads[0]!);
    git(root, 'update-ref', 'refs/heads/two', heads[1]!);
    const result = await expectSameEverywhere(root, heads);
    if (result.outcome !== 'merged') throw new Error(result.outcome);
    expect(git(root, 'show', '-s', '--format=%at %ct %ai', result.commit)).toBe(
      '4000000000 4000000000 2096-10-02 07:06:40 +0000',
    );
  });

  it('through renames and a criss-cross history', async () => {
    const d = diverge(
      shelf.newRoot(),
      [{ f: lines(30), g: lines(12) }],
      [{ f: lines(30, { 3: 'a' }) }],
      [move('f', 'h'), { h: lines(30, { 15: 'b' }) }],
    );
    const both = await (await open(d.root)).mergeHeads({ branch: main, heads: d.tips });
    if (both.outcome !== 'merged') throw new Error(both.outcome);
    const tree = git(d.root, 'rev-parse', `${both.commit}^{tree}`);
    const [one, two] = d.tips;
    const crossed = [
      [one!, two!],
      [two!, one!],
    ].map(([a, b], i) => {
      const merge = git(d.root, 'commit-tree', tree, '-p', a!, '-p', b!, '-m', `merge ${i}`);
      git(d.root, 'checkout', '--quiet', '-B', `cross${i}`, merge);
      return commitEdits(d.root, [{ h: lines(30, { 3: 'a', 15: 'b', [25 + i * 4]: `after ${i}` }) }], `after ${i}`);
    });
    const result = await expectSameEverywhere(d.root, crossed);
    expect(result.outcome).toBe('merged');
    expect((await (await open(d.root)).previewMerge({ tips: crossed })).bases).toHaveLength(2);
  });

  it('three heads and more in one commit, without those that stand against the others', async () => {
    const d = diverge(
      shelf.newRoot(),
      [{ f: lines(40) }],
      ...[1, 1, 20, 39].map((line, i): Edit[] => [{ f: lines(40, { [line]: `side ${i}` }) }]),
    );
    const result = await expectSameEverywhere(d.root, d.tips);
    // Of the first two, which conflict, the one with the lower id is in.
    const against = [d.tips[0]!, d.tips[1]!].sort()[1]!;
    expect(result).toMatchObject({ outcome: 'merged', parents: [...d.tips].sort().filter((tip) => tip !== against) });
  });

  it('[SY9] of the same files, also by more than two, and without a common history', async () => {
    const d = diverge(
      shelf.newRoot(),
      [{ f: '1\n', g: '1\n' }],
      [{ f: '2\n' }],
      [{ f: '3\n' }, { f: '2\n' }],
      [move('f', 'h'), { h: null, f: '2\n' }],
    );
    git(d.root, 'checkout', '--quiet', '--orphan', 'other');
    const orphan = commitEdits(d.root, [{ f: '2\n' }], 'other root');
    const heads = [...d.tips, orphan];
    const result = await expectSameEverywhere(d.root, heads);
    if (result.outcome !== 'merged') throw new Error(result.outcome);
    expect(result.parents).toEqual([...heads].sort());
    expect(git(d.root, 'rev-parse', `${result.commit}^{tree}`)).toBe(git(d.root, 'rev-parse', `${orphan}^{tree}`));
  });

  it('random histories, by whoever merges them', { timeout: 120_000 }, async () => {
    const edit = fc.record({ file: fc.nat(3), line: fc.integer({ min: 1, max: 20 }), text: fc.nat(2) });
    const side = fc.array(edit, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.array(side, { minLength: 2, maxLength: 3 }), fc.boolean(), async (sides, rename) => {
        const base = Object.fromEntries([0, 1, 2, 3].map((i) => [`f${i}`, lines(20, { 1: `file ${i}` })]));
        const edits = sides.map((changes, i): Edit[] => [
          ...changes.map(({ file, line, text }) => ({
            [`f${file}`]: lines(20, { 1: `file ${file}`, [line]: `t${text}` }),
          })),
          { [`own${i}`]: `${i}\n` },
          ...(rename && i === 0 ? [move('f0', 'moved')] : []),
        ]);
        const d = diverge(shelf.newRoot(), [base], ...edits);
        const result = await expectSameEverywhere(d.root, d.tips);
        if (result.outcome !== 'merged') return;
        for (const parent of result.parents) git(d.root, 'merge-base', '--is-ancestor', parent, result.commit);
        expect(d.tips).toEqual(expect.arrayContaining([...result.parents]));
      }),
      { numRuns: Number(process.env.MERGE_RUNS ?? 8) },
    );
  });
});

describe('[CO3] auto-merge', () => {
  it('does not merge what is not clean, and leaves nothing behind', async () => {
    const d = diverge(shelf.newRoot(), [{ f: '1\n' }], [{ f: 'a\n' }], [{ f: 'b\n' }]);
    const before = git(d.root, 'count-objects', '-v');
    const result = await expectSameEverywhere(d.root, d.tips);
    expect(result).toMatchObject({ outcome: 'conflicts', files: [{ path: 'f', kinds: ['content'] }] });
    expect(git(d.root, 'count-objects', '-v')).toBe(before);
  });

  it('does not merge line by line what attributes of one side forbid', async () => {
    const d = diverge(
      shelf.newRoot(),
      [{ 'a.lock': lines(9), '.gitattributes': '*.lock -merge\n' }],
      [{ 'a.lock': lines(9, { 1: 'a' }) }],
      [{ 'a.lock': lines(9, { 9: 'b' }), '.gitattributes': '# none\n' }],
    );
    expect(await expectSameEverywhere(d.root, d.tips)).toMatchObject({
      outcome: 'conflicts',
      files: [{ path: 'a.lock', kinds: ['attributes'] }],
    });
  });

  it('touches no ref, index or file', async () => {
    const d = diverge(shelf.newRoot(), [{ f: lines(9) }], [{ f: lines(9, { 1: 'a' }) }], [{ f: lines(9, { 9: 'b' }) }]);
    const before = git(d.root, 'for-each-ref') + git(d.root, 'status', '--porcelain=v2', '--branch');
    await (await open(d.root)).mergeHeads({ branch: main, heads: d.tips });
    expect(git(d.root, 'for-each-ref') + git(d.root, 'status', '--porcelain=v2', '--branch')).toBe(before);
    expect(existsSync(join(d.root, '.git/MERGE_HEAD'))).toBe(false);
  });

  it('of hundreds of files comes as one pack, whole', async () => {
    const many = (name: string, line: number): Edit =>
      Object.fromEntries(
        Array.from({ length: 150 }, (_, i) => [`d${i % 10}/f${i}`, lines(9, { 1: `${i}`, [line]: name })]),
      );
    const d = diverge(shelf.newRoot(), [many('base', 5)], [many('a', 3)], [many('b', 8)]);
    // Each of the sides also took back the line of the base, so all merge.
    const result = await (await open(d.root)).mergeHeads({ branch: main, heads: d.tips });
    if (result.outcome !== 'merged') throw new Error(result.outcome);
    git(d.root, 'update-ref', 'refs/heads/merged', result.commit);
    git(d.root, 'rev-list', '--objects', result.commit);
    fsck(d.root);
    expect(git(d.root, 'count-objects', '-v')).toMatch(/^packs: 1$/m);
  });
});

describe('[CO4] taking one side whole', () => {
  it('is a merge with all heads as parents, whose files are those of the one', async () => {
    const d = diverge(shelf.newRoot(), [{ f: '1\n' }], [{ f: 'a\n' }], [{ f: 'b\n', g: 'b\n' }]);
    const result = await expectSameEverywhere(d.root, d.tips, d.tips[0]);
    if (result.outcome !== 'merged') throw new Error(result.outcome);
    expect(result.parents).toEqual([...d.tips].sort());
    expect(git(d.root, 'rev-parse', `${result.commit}^{tree}`)).toBe(git(d.root, 'rev-parse', `${d.tips[0]}^{tree}`));
  });

  it('of the same files by both is what merging them is', async () => {
    const d = diverge(shelf.newRoot(), [{ f: '1\n' }], [{ f: '2\n' }], [{ g: '2\n' }, { g: null, f: '2\n' }]);
    const repository = await open(d.root);
    const results = await Promise.all(
      [undefined, ...d.tips].map((take) =>
        repository.mergeHeads({ branch: main, heads: d.tips, ...(take === undefined ? {} : { take }) }),
      ),
    );
    expect(new Set(results.map((result) => (result.outcome === 'merged' ? result.commit : result.outcome))).size).toBe(
      1,
    );
  });

  it('of what is no side, or of one head alone, is refused', async () => {
    const d = diverge(shelf.newRoot(), [{ f: '1\n' }], [{ f: 'a\n' }], [{ f: 'b\n' }]);
    const repository = await open(d.root);
    const request = { branch: main, heads: d.tips, take: revParse(d.root, 'main') };
    expect(await rejectionReason(repository.mergeHeads(request))).toBe('bad-request');
    expect(await rejectionReason(repository.mergeHeads({ branch: main, heads: [d.tips[0]!, d.tips[0]!] }))).toBe(
      'bad-request',
    );
  });
});
