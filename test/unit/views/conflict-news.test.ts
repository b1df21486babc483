import { describe, expect, it } from 'vitest';
import { ConflictNews, type Announcements } from '../../../extension/src/views/conflict-news.ts';
import type { ConflictView } from '../../../extension/src/rpc/model.ts';
import { oidOf } from '../../support/conflict-details.ts';
import { someConflict, someSession } from '../../support/session-views.ts';

/** The workspace's memory, which outlives the window. */
function memory(): Announcements {
  const values = new Map<string, unknown>();
  return {
    get: (key) => values.get(key),
    update: async (key, value) => void values.set(key, value),
  };
}

const told = (news: ConflictNews, ...conflicts: ConflictView[]): string[] =>
  news.of([someSession({ conflicts })]).map(({ conflict }) => conflict.branch);

const pushed = someConflict({
  candidates: [
    { oid: oidOf('3'), owners: ['Ada'], mine: true },
    { oid: oidOf('7'), owners: ['Bea'], mine: false },
  ],
});

describe('news of conflicts', () => {
  it('[ED3] are told once, also when a side goes on, and after it was settled only for other commits', () => {
    const news = new ConflictNews(memory());
    expect(told(news, someConflict())).toEqual(['main']);
    expect(told(news, someConflict())).toEqual([]);
    expect(told(news, pushed)).toEqual([]);
    expect(told(news)).toEqual([]);
    expect(told(news, someConflict())).toEqual([]);
    expect(told(news)).toEqual([]);
    expect(told(news, pushed)).toEqual(['main']);
  });

  it('[ED3] are not told again after a reload of the window, nor after a crash of the engine', () => {
    const kept = memory();
    expect(told(new ConflictNews(kept), someConflict())).toEqual(['main']);
    expect(told(new ConflictNews(kept), someConflict(), someConflict({ branch: 'topic' }))).toEqual(['topic']);
  });

  it('[ED3] are none while a strategy settles it, and are when it gives up', () => {
    const news = new ConflictNews(memory());
    const settling = someConflict({ strategy: 'auto-merge', settling: 'under-way' });
    expect(told(news, settling)).toEqual([]);
    expect(told(news, { ...settling, settling: 'unclean' })).toEqual(['main']);
  });

  it('[SY7] are none of what peers moved back or deleted: it waits for nobody', () => {
    const news = new ConflictNews(memory());
    expect(told(news, someConflict({ kind: 'rewound-there' }), someConflict({ kind: 'deleted-there' }))).toEqual([]);
  });

  it('put up with whatever is in the memory', () => {
    const broken: Announcements = { get: () => ({ no: 'list' }), update: async () => undefined };
    expect(told(new ConflictNews(broken), someConflict())).toEqual(['main']);
  });
});
