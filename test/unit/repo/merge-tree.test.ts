import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conflictFiles, mergedPaths } from '../../../extension/src/p2p/repo/git/conflict-kinds.ts';
import { parseMergeTree } from '../../../extension/src/p2p/repo/git/merge-tree.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { reasonOf } from '../../support/reason.ts';

const TREE = '1'.repeat(40) as Oid;
const BLOB = '2'.repeat(40) as Oid;

/** Output as git-merge-tree(1) has it with `-z`. */
const output = (...fields: string[]): string => [TREE, ...fields, ''].join('\0');

describe('what git merge-tree says', () => {
  it('a clean merge, with and without a word about it', () => {
    expect(parseMergeTree(output())).toEqual({ tree: TREE, stages: new Map(), messages: [] });
    const said = parseMergeTree(output('', '1', 'f', 'Auto-merging', 'Auto-merging f\n'));
    expect(said.messages).toEqual([{ paths: ['f'], type: 'Auto-merging' }]);
    expect(mergedPaths({ ...said, clean: true, truncated: false })).toEqual(['f']);
  });

  it('paths with anything in them but NUL', () => {
    const path = ' a\tb\n"c"\\ 1 ';
    const { stages, messages } = parseMergeTree(
      output(`100644 ${BLOB} 2\t${path}`, '', '2', path, '', 'CONFLICT (contents)', 'x'),
    );
    expect([...stages]).toEqual([[path, { 2: { mode: '100644', oid: BLOB } }]]);
    expect(messages).toEqual([{ paths: [path, ''], type: 'CONFLICT (contents)' }]);
  });

  it.each([
    ['nothing', ''],
    ['no tree', 'fatal: not a thing\0'],
    ['no NUL at the end', TREE],
    ['a stage that is none', output(`100644 ${BLOB} 4\tf`)],
    ['an id that is none', output('100644 22 1\tf')],
    ['a count that is none', output('', 'x', 'f', 'Auto-merging', 'm')],
    ['a count beyond the end', output('', '7', 'f', 'Auto-merging', 'm')],
    ['a message without a text', output('', '1', 'f', 'Auto-merging')],
  ])('%s is refused', (_, text) => {
    expect(reasonOf(() => parseMergeTree(text))).toBe('internal');
  });

  it('advice for people after the end counts only where submodules conflict', () => {
    const advice = 'Recursive merging with submodules currently only supports trivial cases.\n';
    const text = output('', '1', 'sub', 'CONFLICT (submodule)', 'x') + advice;
    expect(parseMergeTree(text).messages).toHaveLength(1);
    expect(reasonOf(() => parseMergeTree(output('', '1', 'f', 'CONFLICT (contents)', 'x') + advice))).toBe('internal');
  });

  it('what was cut off is read as far as it goes, wherever that is', () => {
    const whole = output(
      `100644 ${BLOB} 2\tf`,
      '',
      '1',
      'f',
      'CONFLICT (contents)',
      'x',
      '2',
      'a',
      'b',
      'CONFLICT (new)',
      'y',
    );
    fc.assert(
      fc.property(fc.integer({ min: TREE.length + 1, max: whole.length }), (length) => {
        const { tree, stages, messages } = parseMergeTree(whole.slice(0, length), true);
        expect(tree).toBe(TREE);
        expect(stages.size).toBeLessThanOrEqual(1);
        expect(messages.length).toBeLessThanOrEqual(2);
      }),
    );
  });

  it('never throws but typed, whatever is said', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('', '1', '2', TREE, `100644 ${BLOB} 1\tf`))),
        (fields) => {
          try {
            parseMergeTree([TREE, ...fields].join('\0'));
          } catch (error) {
            expect(error).toMatchObject({ reason: 'internal' });
          }
        },
      ),
    );
  });
});

describe('[CO1] kinds of conflicts', () => {
  const told = (...fields: string[]) =>
    conflictFiles({ ...parseMergeTree(output(...fields)), clean: false, truncated: false }, [TREE]);

  it('a kind that is not known yet is a conflict all the same, and so are stages that nobody mentions', () => {
    expect(told(`100644 ${BLOB} 2\tg`, '', '1', 'f', 'CONFLICT (quantum)', 'x')).toMatchObject([
      { path: 'f', kinds: ['other'] },
      { path: 'g', kinds: ['other'] },
    ]);
  });

  it('what git moved out of the way is called what it was called', () => {
    const moved = `d/x~${TREE}_0`;
    const fields = [`100644 ${BLOB} 2\t${moved}`, '', '2', moved, 'd/x', 'CONFLICT (file/directory)', 'x'];
    expect(told(...fields)).toMatchObject([{ path: 'd/x', kinds: ['directory/file'], related: [] }]);
    // Another's name that only looks like it stays.
    expect(told(`100644 ${BLOB} 2\td~x`, '', '1', 'd~x', 'CONFLICT (contents)', 'x')).toMatchObject([{ path: 'd~x' }]);
  });
});
