import { describe, expect, it } from 'vitest';
import type { SavedDraft } from '../../../extension/src/views/resolve-messages.ts';
import { DraftStore } from '../../../extension/src/views/resolve-drafts.ts';
import { mergeMessage } from '../../../extension/src/views/merge-message.ts';
import { memoryOf } from '../../support/memento.ts';

const draftOf = (text: string): SavedDraft => ({ files: { 'a.txt': { choices: { k: { pick: 'edit', text } } } } });
const DAY = 24 * 60 * 60_000;

describe('[CO6] drafts of resolutions', () => {
  it('are kept by repository and branch', () => {
    const drafts = new DraftStore(memoryOf());
    drafts.set('/a', 'main', draftOf('a'));
    drafts.set('/b', 'main', draftOf('b'));
    drafts.remove('/b', 'main');
    expect(drafts.get('/a', 'main')).toEqual(draftOf('a'));
    expect(drafts.get('/b', 'main')).toBeUndefined();
    expect(drafts.get('/a', 'topic')).toBeUndefined();
  });

  it('that say nothing are none', () => {
    const memory = memoryOf();
    const drafts = new DraftStore(memory);
    drafts.set('/a', 'main', draftOf('a'));
    drafts.set('/a', 'main', { files: { 'a.txt': { choices: {} } } });
    expect(memory.keys()).toEqual([]);
  });

  it('that are too large are refused, and the one before stays', () => {
    const drafts = new DraftStore(memoryOf());
    drafts.set('/a', 'main', draftOf('a'));
    expect(drafts.set('/a', 'main', draftOf('x'.repeat(8_000_001)))).toBe(false);
    expect(drafts.get('/a', 'main')).toEqual(draftOf('a'));
  });

  it('do not grow without end: the oldest go, and those that nobody came back to', () => {
    let now = 0;
    const memory = memoryOf({ other: 1 });
    const drafts = new DraftStore(memory, () => now);
    for (let i = 0; i < 60; i++, now++) drafts.set('/a', `branch-${i}`, draftOf('a'));
    expect(memory.keys()).toHaveLength(51);
    expect(drafts.get('/a', 'branch-9')).toBeUndefined();
    expect(drafts.get('/a', 'branch-10')).toBeDefined();
    now += 61 * DAY;
    drafts.set('/a', 'main', draftOf('a'));
    expect(memory.keys()).toHaveLength(2);
    for (let i = 0; i < 10; i++, now++) drafts.set('/a', `large-${i}`, draftOf('x'.repeat(3_900_000)));
    expect(memory.keys()).toHaveLength(9);
  });

  it('that are damaged are none', () => {
    const memory = memoryOf();
    const drafts = new DraftStore(memory);
    drafts.set('/a', 'main', draftOf('a'));
    void memory.update(memory.keys()[0]!, { at: 1, size: 1, draft: { files: 'none' } });
    expect(drafts.get('/a', 'main')).toBeUndefined();
  });
});

describe('the message that a merge is offered with', () => {
  const side = (mine: boolean, ...owners: string[]) => ({
    tip: '1'.repeat(40),
    owners,
    mine,
    commits: [],
    moreCommits: false,
    changedFiles: 0,
    changes: [],
  });
  const message = (...sides: ReturnType<typeof side>[]): string =>
    mergeMessage({
      kind: 'diverged',
      branch: 'main',
      bases: [],
      sides,
      outcome: 'clean',
      files: [],
      moreFiles: false,
      resolving: [],
    });

  it('names the branch and everybody whose commits come in, on one line', () => {
    expect(message(side(true, 'Ada'), side(false, 'Bea'))).toBe('Merge main of Bea');
    expect(message(side(true), side(false, 'Bea', 'Cy'), side(false, 'Di'))).toBe('Merge main of Bea, Cy and Di');
    expect(message(side(true), side(false, 'B\nea\u202e'))).toBe('Merge main of B ea');
    expect(message(side(true), side(false))).toBe('Merge main');
  });
});
