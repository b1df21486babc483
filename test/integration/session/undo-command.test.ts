import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ActivityEntry } from '../../../extension/src/rpc/conflicts.ts';
import type { SessionView } from '../../../extension/src/rpc/model.ts';
import { commit, git, revParse, writeFiles } from '../../support/git.ts';
import { worldOfTwo, type Person, type World } from '../../support/people.ts';

let world: World;
let alice: Person;
let bob: Person;
beforeEach(() => {
  ({ world, alice, bob } = worldOfTwo());
});
afterEach(() => world.end());

async function activityOf(person: Person, ...args: string[]): Promise<ActivityEntry[]> {
  const { code, lines, stderr } = await world.run(person, 'activity', '--json', ...args);
  expect([code, stderr]).toEqual([0, '']);
  return lines as ActivityEntry[];
}

it('[SY13] activity and undo, between two engines by the command', async () => {
  const { guest } = await world.pair(alice, bob);
  const before = revParse(bob.repo, 'main');
  expect(await activityOf(bob)).toEqual([]);
  const nothing = await world.run(bob, 'undo');
  expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringMatching(/^peerweave: There is nothing to undo/)]);

  const byAlice = commit(alice.repo, { 'a.txt': 'from Alice\n' });
  await guest.ref('refs/heads/main', byAlice);
  git(alice.repo, 'branch', 'idea');
  await guest.ref('refs/heads/idea', byAlice);
  const entries = await activityOf(bob);
  expect(entries).toMatchObject([
    { kind: 'created', branch: 'idea', from: null, to: byAlice, by: 'Alice', undone: false, undoable: true },
    {
      kind: 'fast-forward',
      branch: 'main',
      from: before,
      to: byAlice,
      by: 'Alice',
      worktree: bob.repo,
      undoable: true,
    },
  ]);
  expect(await activityOf(bob, '--limit', '1')).toHaveLength(1);
  expect((await world.run(bob, 'activity')).stdout).toContain(
    `fast-forward  main  ${before.slice(0, 8)} → ${byAlice.slice(0, 8)}  by Alice`,
  );

  // In the way, then not.
  writeFiles(bob.repo, { 'a.txt': 'mine\n' });
  const refused = await world.run(bob, 'undo', '--json', '--id', entries[1]!.id);
  expect(refused.code).toBe(1);
  expect(refused.lines).toEqual([
    { event: 'error', reason: 'undo-refused', message: expect.stringContaining('your changes to a.txt') as string },
  ]);
  git(bob.repo, 'checkout', '--quiet', 'a.txt');
  const undone = await world.run(bob, 'undo', '--json', '--id', entries[1]!.id);
  expect(undone.lines).toEqual([{ ...entries[1], undone: true, undoable: false }]);
  expect([revParse(bob.repo, 'main'), existsSync(join(bob.repo, 'a.txt'))]).toEqual([before, false]);
  expect(git(bob.repo, 'status', '--porcelain')).toBe('');
  // The last that is not undone is the branch.
  expect((await world.run(bob, 'undo')).stdout).toContain('idea is gone again');
  expect(git(bob.repo, 'branch', '--list', 'idea')).toBe('');

  // It stays so through a sync, through more of Alice's, and through a restart.
  expect((await world.run(bob, 'sync')).code).toBe(0);
  const more = commit(alice.repo, { 'b.txt': 'more\n' });
  await guest.ref('refs/remotes/peers/alice/main', more);
  expect(revParse(bob.repo, 'main')).toBe(before);
  await guest.stop('SIGKILL');
  const back = world.resume(bob);
  await back.synced('Alice');
  expect((await world.run(bob, 'sync')).code).toBe(0);
  expect([revParse(bob.repo, 'main'), git(bob.repo, 'branch', '--list', 'idea')]).toEqual([before, '']);
  expect(revParse(alice.repo, 'main')).toBe(more);
  const [status] = (await world.run(alice, 'status', '--json')).lines as SessionView[];
  expect(status?.conflicts).toMatchObject([
    { kind: 'deleted-there', branch: 'idea' },
    { kind: 'rewound-there', branch: 'main' },
  ]);

  // Until Bob asks for it.
  const undo = (await activityOf(bob)).find(({ undoes }) => undoes === entries[1]!.id);
  expect((await world.run(bob, 'undo', '--id', undo!.id)).code).toBe(0);
  await back.ref('refs/heads/main', more);
  expect(readFileSync(join(bob.repo, 'b.txt'), 'utf8')).toBe('more\n');
  expect((await world.run(bob, 'undo', '--id', 'nonsense')).stderr).toContain('not in the activity');
  expect((await world.run(bob, 'activity', '--limit', '0')).stderr).toContain('A number from 1 to 1000');
});
