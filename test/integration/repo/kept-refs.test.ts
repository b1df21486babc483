import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { commit, git, initRepository } from '../../support/git.ts';
import { rejectionReason } from '../../support/reason.ts';
import { Shelf } from '../../support/shelf.ts';
import { branch, connectTo } from '../../support/two-repositories.ts';

const shelf = new Shelf();

afterEach(() => shelf.close());
afterAll(() => shelf.remove());

/** A repository on `main`, and a tip on no ref at all. */
async function withLostTip(): Promise<{ root: string; repository: Repository; lost: Oid; tip: Oid }> {
  const root = initRepository(shelf.newRoot());
  const tip = commit(root, { f: '1\n' });
  const lost = commit(root, { f: '2\n' });
  git(root, 'reset', '--quiet', '--hard', tip);
  const repository = await shelf.open(root);
  return { root, repository, lost, tip };
}

const main = branch('main');

describe('[CO4] a tip that lost is kept', () => {
  it('under its branch, with the time, and survives a collection of garbage', async () => {
    const { root, repository, lost } = await withLostTip();
    const before = Math.floor(Date.now() / 1000);
    await repository.keepTips(main, [lost]);
    expect(git(root, 'rev-parse', `refs/peerweave/kept/main/${lost}`)).toBe(lost);
    git(root, 'reflog', 'expire', '--expire=now', '--all');
    git(root, 'gc', '--quiet', '--prune=now');
    expect(git(root, 'cat-file', '-t', lost)).toBe('commit');
    const kept = await repository.keptTips();
    expect(kept).toMatchObject([{ branch: 'main', tip: lost }]);
    expect(kept[0]?.keptAt ?? before).toBeGreaterThanOrEqual(before);
  });

  it('once, however often it is kept, and since the first time', async () => {
    const { root, repository, lost, tip } = await withLostTip();
    await repository.keepTips(main, [lost]);
    const [first] = await repository.keptTips();
    await repository.keepTips(main, [lost, tip, lost]);
    expect((await repository.keptTips()).map((kept) => kept.tip).sort()).toEqual([lost, tip].sort());
    expect((await repository.keptTips()).find((kept) => kept.tip === lost)).toEqual(first);
    expect(git(root, 'for-each-ref', 'refs/peerweave/kept').split('\n')).toHaveLength(2);
  });

  it('all or none: with one that is not here nothing is kept', async () => {
    const { repository, lost } = await withLostTip();
    expect(await rejectionReason(repository.keepTips(main, [lost, 'a'.repeat(40) as Oid]))).toBe('internal');
    expect(await repository.keptTips()).toEqual([]);
    expect(await rejectionReason(repository.keepTips(branch('../x'), [lost]))).toBe('ref-name-rejected');
  });

  it('for each branch apart, also where one is named like a folder of the other', async () => {
    const { repository, lost, tip } = await withLostTip();
    await repository.keepTips(branch('a'), [lost]);
    await repository.keepTips(branch('a/b'), [tip]);
    expect(await repository.keptTips(branch('a'))).toMatchObject([{ branch: 'a', tip: lost }]);
    expect(await repository.keptTips(branch('a/b'))).toMatchObject([{ branch: 'a/b', tip }]);
    expect(await repository.keptTips()).toHaveLength(2);
  });

  it('is restored as a branch of its own, and stays kept', async () => {
    const { root, repository, lost, tip } = await withLostTip();
    await repository.keepTips(main, [lost]);
    const kept = { branch: main, tip: lost };
    expect(await repository.restoreKept(kept, branch('rescued'))).toEqual({ moved: true });
    expect(git(root, 'rev-parse', 'rescued')).toBe(lost);
    expect(await repository.keptTips()).toHaveLength(1);
    const again = await repository.restoreKept(kept, branch('rescued'));
    expect(again).toMatchObject({ moved: false, refusal: { kind: 'ref-moved' } });
    const never = await repository.restoreKept({ branch: main, tip }, branch('other'));
    expect(never).toMatchObject({ moved: false, refusal: { kind: 'failed' } });
  });

  it('expires when a setting says so, and only what is known to be that old', async () => {
    const { root, repository, lost, tip } = await withLostTip();
    await repository.keepTips(main, [lost, tip]);
    git(root, 'reflog', 'delete', `refs/peerweave/kept/main/${tip}@{0}`);
    const now = Math.floor(Date.now() / 1000);
    expect(await repository.expireKept(now - 60)).toEqual([]);
    expect(await repository.expireKept(now + 60)).toMatchObject([{ tip: lost }]);
    expect(await repository.keptTips()).toEqual([{ branch: 'main', tip, keptAt: undefined }]);
  });

  it('is served to nobody, and no peer that is forgotten takes it along', async () => {
    const { repository, lost } = await withLostTip();
    await repository.keepTips(main, [lost]);
    const stream = await connectTo(repository)(new AbortController().signal);
    let advertised = '';
    for await (const chunk of stream.setEncoding('latin1') as AsyncIterable<string>) {
      advertised += chunk;
      // Pkt-line's flush ends what is offered.
      if (advertised.endsWith('0000')) break;
    }
    stream.destroy();
    expect(advertised).toContain('refs/heads/main');
    expect(advertised).not.toContain(lost);
    await repository.forgetPeer('kept');
    expect((await repository.snapshot()).refs.size).toBe(1);
    expect(await repository.keptTips()).toHaveLength(1);
  });
});
