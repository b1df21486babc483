import { beforeEach, describe, expect, it } from 'vitest';
import type { Request } from '../../../extension/src/engineClient.ts';
import type { ConflictDetail, ConflictTarget } from '../../../extension/src/rpc/conflicts.ts';
import type { SessionView } from '../../../extension/src/rpc/model.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import { DraftStore } from '../../../extension/src/views/resolve-drafts.ts';
import { ResolutionHost } from '../../../extension/src/views/resolve-host.ts';
import type { SavedDraft, ToPage } from '../../../extension/src/views/resolve-messages.ts';
import { someConflict, someSession } from '../../support/session-views.ts';
import { memoryOf } from '../../support/memento.ts';

const [MINE, BEAS, NEWER] = ['3', '4', '5'].map((digit) => digit.repeat(40)) as [string, string, string];
const detailOf = (theirs = BEAS): ConflictDetail => ({
  kind: 'diverged',
  branch: 'main',
  bases: ['0'.repeat(40)],
  sides: [
    { tip: MINE, owners: [], mine: true, commits: [], moreCommits: false, changedFiles: 1, changes: [] },
    { tip: theirs, owners: ['Bea'], mine: false, commits: [], moreCommits: false, changedFiles: 1, changes: [] },
  ],
  outcome: 'conflicts',
  files: [{ path: 'a.txt', kinds: ['content'], theirs, related: [] }],
  moreFiles: false,
  resolving: [],
});
const diverged = (theirs = BEAS): SessionView =>
  someSession({
    conflicts: [
      someConflict({
        candidates: [
          { oid: MINE, owners: ['Ada'], mine: true },
          { oid: theirs, owners: ['Bea'], mine: false },
        ],
      }),
    ],
  });
const settled = someSession();
const decided: SavedDraft = { files: { 'a.txt': { choices: { k: { pick: 'mine' } } } } };
const finish = {
  type: 'finish',
  tips: [MINE, BEAS],
  files: [{ path: 'a.txt', use: 'text', text: 'x\n' }],
  message: 'Merge',
};

/** An engine whose answers a test chooses, and a page that notes what it is told. */
class Desk {
  readonly sent: ToPage[] = [];
  readonly asked: { method: string; params: unknown }[] = [];
  readonly drafts = new DraftStore(memoryOf());
  readonly compared: ConflictTarget[] = [];
  answers: Record<string, () => unknown> = {
    'peerweave/conflict': () => detailOf(),
    'peerweave/conflictFile': () => ({ path: 'a.txt', base: null, mine: null, theirs: null }),
    'peerweave/resolve': () => ({ commit: 'c'.repeat(40) }),
    'peerweave/resolving': () => ({}),
  };
  discards = true;
  reviews = true;
  session: SessionView | undefined = diverged();
  closed = 0;
  readonly host = new ResolutionHost(
    { repo: '/repos/demo', branch: 'main' },
    {
      request: (async (method: string, params: unknown) => {
        this.asked.push({ method, params });
        await Promise.resolve();
        return this.answers[method]!();
      }) as Request,
      session: () => this.session,
      confirmReview: () => Promise.resolve(this.reviews),
      send: (message) => this.sent.push(message),
      drafts: this.drafts,
      compare: (target) => Promise.resolve(void this.compared.push(target)),
      confirmDiscard: () => Promise.resolve(this.discards),
      close: () => this.closed++,
      log: { warn: () => undefined },
    },
  );

  /** The page listens, and has been told of the conflict. */
  async opened(): Promise<this> {
    await this.at(diverged()).handle({ type: 'ready' });
    await this.quiet();
    return this;
  }

  /** The host, with the session as it is from now on. */
  at(session: SessionView | undefined): ResolutionHost {
    this.session = session;
    return this.host;
  }

  /** All answers of the engine have come. */
  quiet(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  get last(): ToPage | undefined {
    return this.sent.at(-1);
  }

  count(method: string): number {
    return this.asked.filter((each) => each.method === method).length;
  }

  get resolving(): unknown[] {
    return this.asked.filter(({ method }) => method === 'peerweave/resolving').map(({ params }) => params);
  }
}

let desk: Desk;
beforeEach(() => {
  desk = new Desk();
});

describe('the host of a resolution page', () => {
  it('tells a page that listens all there is to show, and the others that somebody is at it (D8)', async () => {
    await desk.opened();
    expect(desk.sent).toEqual([
      {
        type: 'conflict',
        repo: '/repos/demo',
        detail: detailOf(),
        draft: undefined,
        proposedMessage: 'Merge main of Bea',
      },
    ]);
    expect(desk.resolving).toEqual([{ repo: '/repos/demo', branch: 'main', active: true }]);
    desk.host.dispose();
    expect(desk.resolving.at(-1)).toEqual({ repo: '/repos/demo', branch: 'main', active: false });
  });

  it('answers what is not in the contract with an error, and goes on', async () => {
    await desk.opened();
    for (const bad of [
      undefined,
      null,
      'ready',
      [],
      { type: 'other' },
      { type: 'finish', tips: [] },
      { type: 'file' },
    ]) {
      await desk.host.handle(bad);
      expect(desk.last).toMatchObject({
        type: 'failed',
        message: expect.stringContaining('does not understand') as string,
      });
    }
    expect(desk.count('peerweave/resolve')).toBe(0);
    await desk.host.handle({ type: 'file', path: 'a.txt', theirs: BEAS });
    expect(desk.last).toMatchObject({ type: 'file', theirs: BEAS });
  });

  it('tells the page again when a peer has pushed, and once only', async () => {
    await desk.opened();
    desk.answers['peerweave/conflict'] = () => detailOf(NEWER);
    desk.at(diverged(NEWER)).sessionChanged();
    desk.at(diverged(NEWER)).sessionChanged();
    await desk.quiet();
    expect(desk.sent.slice(1)).toMatchObject([
      { type: 'conflict', detail: { sides: [{ tip: MINE }, { tip: NEWER }] } },
    ]);
    expect(desk.resolving).toHaveLength(1);
  });

  it('[CO6] keeps a draft for the next page, and gives it up only when asked', async () => {
    await desk.opened();
    await desk.host.handle({ type: 'draft', draft: decided });
    await desk.host.handle({ type: 'ready' });
    await desk.quiet();
    expect(desk.last).toMatchObject({ type: 'conflict', draft: decided });
    desk.discards = false;
    await desk.host.handle({ type: 'cancel' });
    expect([desk.closed, desk.drafts.get('/repos/demo', 'main')]).toEqual([0, decided]);
    desk.discards = true;
    await desk.host.handle({ type: 'cancel' });
    expect([desk.closed, desk.drafts.get('/repos/demo', 'main')]).toEqual([1, undefined]);
  });

  it('cancels without a question when nothing was decided', async () => {
    await desk.opened();
    desk.discards = false;
    await desk.host.handle({ type: 'cancel' });
    expect(desk.closed).toBe(1);
  });

  it('finishes by one request with the tips that the page showed, and the draft goes', async () => {
    await desk.opened();
    await desk.host.handle({ type: 'draft', draft: decided });
    await desk.host.handle(finish);
    expect(desk.asked.find(({ method }) => method === 'peerweave/resolve')?.params).toEqual({
      repo: '/repos/demo',
      branch: 'main',
      tips: [MINE, BEAS],
      resolution: { how: 'merge', files: finish.files, message: 'Merge' },
      reviewed: false,
    });
    expect(desk.last).toMatchObject({ type: 'settled', message: expect.stringContaining('cccccccc') as string });
    expect(desk.drafts.get('/repos/demo', 'main')).toBeUndefined();
    expect(desk.resolving.at(-1)).toMatchObject({ active: false });
  });

  it.each([
    ['conflict-moved', 'main has moved meanwhile.'],
    ['move-refused', 'main did not move: your changes to a.txt.'],
    ['disk-full', 'The disk is full.'],
  ] as const)('[CO6] shows a refusal (%s) in the page and keeps everything', async (reason, message) => {
    await desk.opened();
    await desk.host.handle({ type: 'draft', draft: decided });
    desk.answers['peerweave/resolve'] = () => {
      throw new PeerweaveError(reason, message);
    };
    await desk.host.handle(finish);
    expect(desk.last).toEqual({ type: 'failed', message });
    expect(desk.drafts.get('/repos/demo', 'main')).toEqual(decided);
    desk.answers['peerweave/resolve'] = () => ({ commit: 'c'.repeat(40) });
    await desk.host.handle(finish);
    expect(desk.last).toMatchObject({ type: 'settled' });
  });

  it('asks about files that run code, and finishes only when they may come along [SY6]', async () => {
    await desk.opened();
    let refused = 0;
    desk.answers['peerweave/resolve'] = () => {
      if (refused++ % 2 === 0) throw new PeerweaveError('review-needed', 'They change .vscode/tasks.json.');
      return { commit: 'c'.repeat(40) };
    };
    desk.reviews = false;
    await desk.host.handle(finish);
    expect(desk.sent.at(-1)).toEqual({ type: 'failed', message: 'They change .vscode/tasks.json.' });
    refused = 0;
    desk.reviews = true;
    await desk.host.handle(finish);
    expect(desk.asked.findLast(({ method }) => method === 'peerweave/resolve')?.params).toMatchObject({
      reviewed: true,
    });
    expect(desk.last).toMatchObject({ type: 'settled' });
  });

  it('tells the page at once how the branch is now when it moved while it was being finished', async () => {
    await desk.opened();
    desk.answers['peerweave/conflict'] = () => detailOf(NEWER);
    desk.answers['peerweave/resolve'] = () => {
      desk.at(diverged(NEWER)).sessionChanged();
      throw new PeerweaveError('conflict-moved', 'It moved.');
    };
    await desk.host.handle(finish);
    await desk.quiet();
    expect(desk.sent.slice(-2)).toMatchObject([{ type: 'failed' }, { type: 'conflict', detail: detailOf(NEWER) }]);
  });

  it('says that it is settled elsewhere when it saw the conflict and sees it no more', async () => {
    await desk.opened();
    await desk.host.handle({ type: 'draft', draft: decided });
    desk.at(settled).sessionChanged();
    expect(desk.last).toMatchObject({
      type: 'settled',
      message: expect.stringContaining('settled elsewhere') as string,
    });
    expect(desk.drafts.get('/repos/demo', 'main')).toBeUndefined();
    expect(desk.resolving.at(-1)).toMatchObject({ active: false });
  });

  it('[CO6] takes no conflict for settled while the engine starts again', async () => {
    await desk.opened();
    await desk.host.handle({ type: 'draft', draft: decided });
    desk.at(undefined).sessionChanged();
    // Live again, and what the peers have is not known yet.
    desk.at(settled).sessionChanged();
    expect(desk.drafts.get('/repos/demo', 'main')).toEqual(decided);
    desk.at(diverged()).sessionChanged();
    await desk.quiet();
    expect(desk.last).toMatchObject({ type: 'conflict', draft: decided });
    // The new engine has not heard of it.
    expect(desk.resolving.map((each) => (each as { active: boolean }).active)).toEqual([true, true]);
  });

  it('[CO6] waits for the session after a reload of the window, and says so', async () => {
    await desk.at(undefined).handle({ type: 'ready' });
    expect(desk.last).toMatchObject({ type: 'waiting' });
    desk.at(someSession({ phase: 'connecting' })).sessionChanged();
    desk.at(diverged()).sessionChanged();
    await desk.quiet();
    expect(desk.last).toMatchObject({ type: 'conflict' });
  });

  it('does not give the versions of a branch that moved meanwhile', async () => {
    await desk.opened();
    const reading = desk.host.handle({ type: 'file', path: 'a.txt', theirs: BEAS });
    desk.answers['peerweave/conflict'] = () => detailOf(NEWER);
    let give: (value: unknown) => void = () => undefined;
    desk.answers['peerweave/conflictFile'] = () => new Promise((resolve) => (give = resolve));
    desk.at(diverged(NEWER)).sessionChanged();
    await desk.quiet();
    give({ path: 'a.txt', base: null, mine: null, theirs: null });
    await reading;
    expect(desk.sent.some(({ type }) => type === 'file')).toBe(false);
  });

  it('says which file could not be read', async () => {
    await desk.opened();
    desk.answers['peerweave/conflictFile'] = () => {
      throw new PeerweaveError('object-missing', 'It is not here.');
    };
    await desk.host.handle({ type: 'file', path: 'a.txt', theirs: BEAS });
    expect(desk.last).toEqual({ type: 'failed', message: 'It is not here.', path: 'a.txt', theirs: BEAS });
  });

  it('compares with the editor’s own means', async () => {
    await desk.opened();
    await desk.host.handle({ type: 'compare', path: 'a.txt', theirs: BEAS });
    expect(desk.compared).toEqual([{ repo: '/repos/demo', branch: 'main', tip: BEAS, path: 'a.txt' }]);
  });
});
