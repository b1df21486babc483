import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commit, fsck, git, revParse } from '../../support/git.ts';
import { lines } from '../../support/diverged.ts';
import type { EngineProcess } from '../../support/engine-process.ts';
import { worldOfTwo, type Person, type World } from '../../support/people.ts';

/** Two engines in processes of their own; a person settles what diverged from the command line. */

let world: World;
let alice: Person;
let bob: Person;
beforeEach(() => {
  ({ world, alice, bob } = worldOfTwo());
});
afterEach(() => world.end());

const cli = (person: Person, command: string, ...args: string[]) => world.run(person, command, ...args, '--json');

/** Both have a commit of their own on `main`, and know it. */
async function diverged(mine: string, theirs: string): Promise<{ host: EngineProcess; guest: EngineProcess }> {
  commit(alice.repo, { f: lines(9) });
  const host = world.share(alice, '--approve', 'auto');
  const guest = world.join(bob, await host.invite());
  await guest.synced();
  const from = [host.events.length, guest.events.length];
  // Without an engine in between, or the later of the two would build on the earlier.
  await guest.stop('SIGKILL');
  const ours = commit(alice.repo, { f: mine }, 'of Alice');
  await host.event((event) => event.event === 'peer' && event.state === 'reconnecting', { from: from[0] ?? 0 });
  commit(bob.repo, { f: theirs }, 'of Bob');
  const resumed = world.resume(bob);
  await host.event((event) => event.event === 'conflict', { from: from[0] ?? 0 });
  await resumed.event((event) => event.event === 'conflict');
  expect(revParse(alice.repo, 'main')).toBe(ours);
  return { host, guest: resumed };
}

const top = lines(9, { 1: 'Alice' });
const otherTop = lines(9, { 1: 'Bob' });
const bottom = lines(9, { 9: 'Bob' });

describe('peerweave conflicts and resolve', () => {
  it('[CO1] [CO5] show what diverged and merge what merges by itself; the other follows', async () => {
    const { guest } = await diverged(top, bottom);
    const [mine, theirs] = [revParse(alice.repo, 'main'), revParse(bob.repo, 'main')];
    const listed = await cli(alice, 'conflicts');
    expect(listed.lines).toMatchObject([{ kind: 'diverged', branch: 'main', strategy: 'manual' }]);
    expect((await cli(alice, 'conflicts', 'main')).lines).toMatchObject([
      {
        outcome: 'clean',
        sides: [
          { tip: mine, mine: true },
          { tip: theirs, owners: ['Bob'] },
        ],
      },
    ]);
    const shown = await world.run(alice, 'conflicts', 'main');
    expect(shown.stdout).toMatch(/you at .*\n {2}.* of Alice .*\nBob at .*\n {2}.* of Bob .*\nMerges by itself/);
    const resolved = await cli(alice, 'resolve', 'main', '--take', 'merge', '--message', 'As agreed');
    const settled = revParse(alice.repo, 'main');
    expect(resolved).toMatchObject({ code: 0, lines: [{ event: 'resolved', branch: 'main', commit: settled }] });
    expect(git(alice.repo, 'show', '-s', '--format=%P|%s', 'main')).toBe(`${mine} ${theirs}|As agreed`);
    await guest.ref('refs/heads/main', settled);
    expect((await cli(bob, 'conflicts')).lines).toEqual([]);
    expect(git(bob.repo, 'status', '--porcelain')).toBe('');
    fsck(bob.repo);
  });

  it('[CO4] take a side, and give back what lost', async () => {
    const { guest } = await diverged(top, otherTop);
    const mine = revParse(alice.repo, 'main');
    expect(await cli(alice, 'resolve', 'main', '--take', 'merge')).toMatchObject({
      code: 1,
      lines: [{ event: 'error', reason: 'conflict-unresolved' }],
    });
    expect((await cli(alice, 'resolve', 'main', '--take', 'theirs', '--peer', 'Bob')).code).toBe(0);
    await guest.ref('refs/heads/main', revParse(alice.repo, 'main'));
    expect(git(alice.repo, 'show', 'main:f')).toBe(otherTop.trim());
    expect((await cli(alice, 'kept')).lines).toMatchObject([{ branch: 'main', tip: mine }]);
    expect((await cli(alice, 'restore', mine.slice(0, 8), 'mine-again')).code).toBe(0);
    expect(revParse(alice.repo, 'mine-again')).toBe(mine);
  });

  it('keep both, by a name that says whose', async () => {
    const { guest } = await diverged(top, otherTop);
    const [mine, theirs] = [revParse(alice.repo, 'main'), revParse(bob.repo, 'main')];
    expect((await cli(alice, 'resolve', 'main', '--take', 'both')).code).toBe(0);
    expect([revParse(alice.repo, 'main'), revParse(alice.repo, 'main-alice')]).toEqual([theirs, mine]);
    await guest.ref('refs/heads/main-alice', mine);
  });

  it('say in one line what does not work, and do nothing', async () => {
    await diverged(top, otherTop);
    const before = revParse(alice.repo, 'main');
    for (const args of [
      ['resolve', 'main', '--take', 'theirs', '--peer', 'Carol'],
      ['resolve', 'main', '--take', 'follow'],
      ['resolve', 'none', '--take', 'mine'],
      ['resolve', 'main', '--take', 'both', '--name', 'main'],
      ['conflicts', 'none'],
      ['strategy', 'sometimes'],
      ['restore', before, 'x'],
    ]) {
      const [command = '', ...rest] = args;
      const { code, stderr } = await world.run(alice, command, ...rest);
      expect([args, code, stderr]).toEqual([args, 1, expect.stringMatching(/^peerweave: [^\n]+\n$/)]);
    }
    expect(revParse(alice.repo, 'main')).toBe(before);
  });
});

describe('peerweave strategy', () => {
  it('[CO3] acts at once, for a branch before the session, and survives a restart', async () => {
    const { guest } = await diverged(top, bottom);
    expect((await cli(alice, 'strategy')).lines).toEqual([{ strategy: 'manual', branches: {} }]);
    await cli(alice, 'strategy', 'auto-merge');
    await guest.event((event) => event.event === 'ref' && event.ref === 'refs/heads/main');
    await expect.poll(() => revParse(alice.repo, 'main') === revParse(bob.repo, 'main')).toBe(true);
    expect((await cli(alice, 'strategy', 'topic', 'prefer-local')).lines).toEqual([
      { strategy: 'auto-merge', branches: { topic: 'prefer-local' } },
    ]);
    await cli(bob, 'strategy', 'main', 'prefer-remote');
    await guest.stop('SIGKILL');
    const resumed = world.resume(bob);
    await resumed.synced();
    expect((await cli(bob, 'strategy')).lines).toEqual([{ strategy: 'manual', branches: { main: 'prefer-remote' } }]);
    expect((await world.run(bob, 'strategy')).stdout).toBe('manual\nmain: prefer-remote\n');
    await cli(bob, 'strategy', 'main', 'default');
    expect((await cli(bob, 'strategy')).lines).toEqual([{ strategy: 'manual', branches: {} }]);
  });
});
