import { describe, expect, it } from 'vitest';
import { decodeConflictTarget, decodeMarkerBlock, decodePeerDocument } from '../../extension/src/conflict-arguments.ts';

const target = { repo: '/repos/demo', branch: 'main', tip: 'a'.repeat(40), path: 'src/loom.ts' };

describe('what conflict commands are called with', () => {
  it('is a target, as lenses pass it, or a row that has one', () => {
    expect(decodeConflictTarget(target)).toEqual(target);
    expect(decodeConflictTarget({ id: 'x', label: 'main', target: { ...target, entry: 'e1' } })).toEqual(target);
    expect(decodeConflictTarget({ target: { repo: '/repos/demo', branch: 'main' } })).toEqual({
      repo: '/repos/demo',
      branch: 'main',
    });
  });

  it.each([
    null,
    7,
    'main',
    {},
    { repo: '', branch: 'main' },
    { repo: '/r', branch: 'b'.repeat(256) },
    { ...target, tip: 'HEAD' },
    { ...target, path: 'p'.repeat(5_000) },
    { target: { repo: '/r' } },
  ])('is nothing else: %j', (argument) => {
    expect(decodeConflictTarget(argument)).toBeUndefined();
  });

  it('is for a lens on a marker the lines that go', () => {
    const block = { uri: 'file:///a', version: 3, remove: [[0, 1]] };
    expect(decodeMarkerBlock(block)).toEqual(block);
    expect(decodeMarkerBlock({ ...block, remove: [] })).toBeUndefined();
    expect(decodeMarkerBlock(undefined)).toBeUndefined();
  });
});

describe("addresses of peers' versions", () => {
  it('name a repository and a commit', () => {
    const document = { repo: '/repos/demo', commit: 'a'.repeat(40) };
    expect(decodePeerDocument(JSON.stringify(document))).toEqual(document);
    expect(() => decodePeerDocument('')).toThrow();
    expect(() => decodePeerDocument(JSON.stringify({ ...document, commit: 'main' }))).toThrow();
  });
});
