import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import { SyncDriver, type SyncHost } from '../../../extension/src/p2p/session/sync-driver.ts';
import type { Strategy } from '../../../extension/src/p2p/sync/strategy.ts';
import { SyncCore } from '../../../extension/src/p2p/sync/sync-core.ts';
import type { Oid, PeerId } from '../../../extension/src/shared/ids.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { commit, fsck, git, initRepository, revParse, tempFolder, writeFiles } from '../../support/git.ts';
import { lines } from '../../support/diverged.ts';
import { connectTo, provider } from '../../support/two-repositories.ts';

const folder = tempFolder();
const people: Person[] = [];
let count = 0;

afterEach(async () => {
  for (const person of people.splice(0)) await person.leave();
});
afterAll(() => folder.remove());

/** A repository with a core and a driver; what it announces reaches the others at once, and objects come by git's own protocol. */
class Person {
  readonly root: string;
  readonly id: PeerId;
  readonly core: SyncCore;
  private readonly repository: Repository;
  private readonly driver: SyncDriver;
  private readonly others: Person[] = [];
  private seq = 0;

  constructor(letter: string, root: string, repository: Repository, strategy: Strategy) {
    this.id = `SHA256:${letter.repeat(43)}` as PeerId;
    this.root = root;
    this.repository = repository;
    this.core = new SyncCore({ strategies: { session: strategy, branches: new Map() } });
    this.driver = new SyncDriver(this.core, repository, this.host());
    people.push(this);
  }

  async meet(...others: Person[]): Promise<void> {
    this.others.push(...others);
    for (const { id } of others) this.driver.handle({ type: 'peer-up', peer: id });
    await this.driver.start();
  }

  get tip(): Oid {
    return revParse(this.root, 'main');
  }

  get main() {
    return this.core.branches().find(({ branch }) => branch === 'main');
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  async leave(): Promise<void> {
    await this.driver.stop(5_000);
    this.repository.dispose();
  }

  private host(): SyncHost {
    return {
      log: silentLogger,
      link: (peer) => this.linkTo(peer),
      namespace: (peer) => peer.slice(7, 8).toLowerCase(),
      nameOf: (peer) => peer.slice(7, 8),
      announce: (refs) => {
        this.seq += 1;
        for (const other of this.others)
          other.driver.handle({ type: 'manifest', peer: this.id, seq: this.seq, refs: new Map(refs) });
        return Promise.resolve();
      },
      greet: () => undefined,
      persist: () => undefined,
      refsMoved: () => undefined,
      synced: () => undefined,
      progress: () => undefined,
      syncFailed: () => undefined,
      changed: () => undefined,
    };
  }

  private linkTo(peer: PeerId): Link | undefined {
    const other = this.others.find(({ id }) => id === peer);
    if (other === undefined) return undefined;
    const connect = connectTo(other.repository);
    return {
      exec: (_: string, { signal }: { signal: AbortSignal }) => connect(signal),
      control: { notify: () => undefined },
    } as unknown as Link;
  }
}

interface Side {
  readonly files: Readonly<Record<string, string>>;
  readonly strategy: Strategy;
  /** Written after the commit, and not committed. */
  readonly dirty?: Readonly<Record<string, string>>;
}

/** People whose `main` diverged from one commit of `f`, each with a change of their own. */
async function diverged(...sides: Side[]): Promise<Person[]> {
  const base = initRepository(join(folder.path, `base${(count += 1)}`));
  commit(base, { f: lines(9) });
  const found: Person[] = [];
  for (const [i, { files, strategy, dirty }] of sides.entries()) {
    const root = join(folder.path, `p${count}-${i}`);
    git(folder.path, 'clone', '--quiet', base, root);
    commit(root, files, `side ${i}`);
    writeFiles(root, dirty ?? {});
    found.push(new Person('ABC'[i]!, root, await provider.open(root), strategy));
  }
  for (const person of found) await person.meet(...found.filter((other) => other !== person));
  return found;
}

const top = { f: lines(9, { 1: 'top' }) };
const bottom = { f: lines(9, { 9: 'bottom' }) };
const otherTop = { f: lines(9, { 1: 'another top' }) };

describe('strategies on real repositories', () => {
  it('[CO3] [CO7] auto-merge brings both to the same commit, with their files', async () => {
    const [a, b] = await diverged({ files: top, strategy: 'auto-merge' }, { files: bottom, strategy: 'auto-merge' });
    await expect.poll(() => a!.tip === b!.tip, { timeout: 10_000 }).toBe(true);
    for (const { root, read } of [a!, b!].map((p) => ({ root: p.root, read: p.read('f') }))) {
      expect(read).toBe(lines(9, { 1: 'top', 9: 'bottom' }));
      expect(git(root, 'status', '--porcelain')).toBe('');
      expect(git(root, 'show', '-s', '--format=%an %s', 'main')).toBe('Peerweave Merge what diverged on main');
      fsck(root);
    }
    expect(git(a!.root, 'rev-list', '--count', 'main')).toBe('4');
    await expect.poll(() => a!.main).toMatchObject({ conflict: undefined, settling: undefined });
  });

  it('[CO5] one who merges settles it for those who do not', async () => {
    const [a, b, c] = await diverged(
      { files: top, strategy: 'manual' },
      { files: bottom, strategy: 'auto-merge' },
      { files: { g: 'g\n' }, strategy: 'manual' },
    );
    await expect.poll(() => new Set([a!.tip, b!.tip, c!.tip]).size, { timeout: 20_000 }).toBe(1);
    expect([c!.read('f'), a!.read('g')]).toEqual([lines(9, { 1: 'top', 9: 'bottom' }), 'g\n']);
  });

  it('[CO3] what does not merge stays where it is on both sides', async () => {
    const [a, b] = await diverged({ files: top, strategy: 'auto-merge' }, { files: otherTop, strategy: 'auto-merge' });
    const before = [a!.tip, b!.tip];
    await expect
      .poll(() => [a!.main?.settling, b!.main?.settling], { timeout: 10_000 })
      .toEqual(['unclean', 'unclean']);
    expect([a!.tip, b!.tip]).toEqual(before);
    expect(a!.main?.conflict).toHaveLength(2);
  });

  it('[CO4] prefer-remote takes the other files, and our own commit is kept and can be had back', async () => {
    const [a, b] = await diverged({ files: top, strategy: 'prefer-remote' }, { files: otherTop, strategy: 'manual' });
    const [mine, theirs] = [a!.tip, b!.tip];
    await expect.poll(() => a!.tip !== mine && a!.tip === b!.tip, { timeout: 10_000 }).toBe(true);
    expect([a!.read('f'), b!.read('f')]).toEqual([lines(9, { 1: 'another top' }), lines(9, { 1: 'another top' })]);
    expect(git(a!.root, 'for-each-ref', '--format=%(refname)', 'refs/peerweave/kept')).toBe(
      `refs/peerweave/kept/main/${mine}`,
    );
    expect(git(a!.root, 'rev-list', 'main')).toContain(theirs);
    expect(git(a!.root, 'rev-list', 'main')).toContain(mine);
  });

  it('[SY6] a merge waits for changes that are in its way, and touches nothing of them', async () => {
    const dirty = { f: 'mine, not committed\n' };
    const [a, b] = await diverged({ files: top, strategy: 'auto-merge', dirty }, { files: bottom, strategy: 'manual' });
    const before = a!.tip;
    await expect
      .poll(() => a!.main?.pending?.detail, { timeout: 10_000 })
      .toContain('your changes to f are in the way');
    expect([a!.tip, a!.read('f'), a!.main?.conflict?.length]).toEqual([before, dirty.f, 2]);
    git(a!.root, 'checkout', '--quiet', 'f');
    await expect.poll(() => a!.tip !== before && a!.tip === b!.tip, { timeout: 20_000 }).toBe(true);
    expect(a!.read('f')).toBe(lines(9, { 1: 'top', 9: 'bottom' }));
  });
});
