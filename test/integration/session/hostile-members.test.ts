import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EngineProcess } from '../../support/engine-process.ts';
import { commit, git, gitInput } from '../../support/git.ts';
import { worldOfTwo, type Person, type World } from '../../support/people.ts';

let world: World;
let alice: Person;
let bob: Person;
let host: EngineProcess;
let guest: EngineProcess;
beforeEach(async () => {
  ({ world, alice, bob } = worldOfTwo());
  ({ host, guest } = await world.pair(alice, bob));
});
afterEach(() => world.end());

/** A commit on branch `evil` whose tree has a `.git` folder, made by git's own plumbing. */
function hostileCommit(repo: string): string {
  const blob = gitInput(repo, '[core]\n', 'hash-object', '-w', '--stdin');
  const entry = Buffer.concat([Buffer.from('100644 config\0'), Buffer.from(blob, 'hex')]);
  const config = gitInput(repo, entry, 'hash-object', '-t', 'tree', '-w', '--stdin', '--literally');
  const dotGit = Buffer.concat([Buffer.from('40000 .git\0'), Buffer.from(config, 'hex')]);
  const tree = gitInput(repo, dotGit, 'hash-object', '-t', 'tree', '-w', '--stdin', '--literally');
  const oid = git(repo, 'commit-tree', tree, '-m', 'evil');
  git(repo, 'update-ref', 'refs/heads/evil', oid);
  return oid;
}

describe('a member that offers bad things', () => {
  it('[SY2] a tree with a .git entry is refused whole, told once, and nothing of it stays', async () => {
    const evil = hostileCommit(alice.repo);
    const error = await guest.event((event) => event.event === 'error');
    expect(error).toMatchObject({ reason: 'pack-rejected' });
    expect(() => git(bob.repo, 'cat-file', '-e', evil)).toThrow();
    git(bob.repo, 'fsck', '--strict');

    // Both go on: what Bob does reaches Alice, and once the bad branch is gone, what Alice does reaches Bob.
    const byBob = commit(bob.repo, { 'b.txt': '1\n' });
    await host.ref('refs/heads/main', byBob);
    git(alice.repo, 'branch', '-D', 'evil');
    const byAlice = commit(alice.repo, { 'a.txt': '1\n' });
    await guest.ref('refs/heads/main', byAlice);
    expect(guest.events.filter((event) => event.event === 'error')).toHaveLength(1);
  });

  it('[SY3] a ref name that git allows but others cannot hold leaves the rest in peace', async () => {
    const tip = git(alice.repo, 'rev-parse', 'main');
    git(alice.repo, 'update-ref', `refs/heads/${'long/'.repeat(60)}end`, tip);
    git(alice.repo, 'update-ref', 'refs/heads/fine', tip);
    await guest.ref('refs/heads/fine', tip);
  });

  it('[SY6] an update that touches files which run code on opening waits for review', async () => {
    const before = git(bob.repo, 'rev-parse', 'main');
    const risky = commit(alice.repo, { '.vscode/tasks.json': '{"tasks":[]}\n' });
    await guest.ref('refs/remotes/peers/alice/main', risky);
    await world.run(bob, 'sync');
    const status = await world.run(bob, 'status');
    expect(git(bob.repo, 'rev-parse', 'main')).toBe(before);
    expect(existsSync(`${bob.repo}/.vscode`)).toBe(false);
    expect(status.stdout).toMatch(/main waits for an update from Alice: .*tasks\.json/);
    expect((await world.run(bob, 'apply', 'main')).code).toBe(0);
    expect(git(bob.repo, 'rev-parse', 'main')).toBe(risky);
  });
});
