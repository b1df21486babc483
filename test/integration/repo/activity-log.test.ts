import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ActivityLog } from '../../../extension/src/p2p/repo/git/activity-log.ts';
import { Journal } from '../../../extension/src/p2p/repo/git/journal.ts';
import { SystemGitProvider } from '../../../extension/src/p2p/repo/git/provider.ts';
import type { MoveRequest, Repository } from '../../../extension/src/p2p/repo/repository.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { createLogger, silentLogger } from '../../../extension/src/shared/log.ts';
import { commit, git, initRepository, tempFolder, type TempFolder } from '../../support/git.ts';
import { branch, provider } from '../../support/two-repositories.ts';

let temp: TempFolder;
let root: string;
let repository: Repository;
let from: Oid;
let to: Oid;
const warnings: string[] = [];

beforeEach(async () => {
  temp = tempFolder();
  root = initRepository(join(temp.path, 'work'));
  from = commit(root, { a: 'a\n' });
  to = commit(root, { a: 'b\n' });
  git(root, 'reset', '--quiet', '--hard', from);
  warnings.length = 0;
  const log = createLogger(({ level, text }) => level === 'warn' && warnings.push(text));
  repository = await new SystemGitProvider({ log }).open(root);
});

afterEach(() => {
  repository.dispose();
  temp.remove();
});

const folder = (): string => join(root, '.git', 'peerweave', 'activity');
const move = (more: Partial<MoveRequest> = {}) =>
  repository.moveBranch({ branch: branch('main'), from, to, message: 'm', by: 'alice', ...more });

/** `count` entries as they would have been written, the first at `at`, a second apart. */
function writeEntries(count: number, at: number): void {
  const [template = ''] = readdirSync(folder());
  const entry = JSON.parse(readFileSync(join(folder(), template), 'utf8')) as object;
  for (let index = 0; index < count; index += 1) {
    const name = `${String(index + 2).padStart(10, '0')}-77-${index.toString(16).padStart(16, '0')}.json`;
    writeFileSync(join(folder(), name), JSON.stringify({ ...entry, at: at + index * 1000 }));
  }
}

it('[SY11] every move that happened is noted with what it was and by whom, and no other', async () => {
  const begun = Date.now();
  await move();
  await move({ branch: branch('fresh'), from: null });
  await move({ branch: branch('merged'), from: null, to: from, kind: 'merge', by: 'bob' });
  // Refused: not where it should be, and not forward.
  expect(await move()).toMatchObject({ moved: false });
  expect(await move({ from: to, to: from })).toMatchObject({ moved: false });
  const entries = await repository.activity();
  expect(
    entries.map(({ kind, branch: name, from: a, to: b, by, worktree }) => [kind, name, a, b, by, worktree]),
  ).toEqual([
    ['merge', 'merged', null, from, 'bob', undefined],
    ['created', 'fresh', null, to, 'alice', undefined],
    ['fast-forward', 'main', from, to, 'alice', root],
  ]);
  for (const { at } of entries) expect(at).toBeGreaterThanOrEqual(begun);
  expect(new Set(entries.map(({ id }) => id)).size).toBe(3);
  expect(warnings).toEqual([]);
});

it('goes on where it was when the repository is opened again', async () => {
  await move();
  repository.dispose();
  repository = await provider.open(root);
  await move({ branch: branch('fresh'), from: null });
  expect((await repository.activity()).map(({ kind }) => kind)).toEqual(['created', 'fast-forward']);
});

it('is bounded by number: the oldest go', async () => {
  await move();
  writeEntries(1_050, Date.now());
  repository.dispose();
  repository = await provider.open(root);
  await expect.poll(() => readdirSync(folder()).length).toBe(1_000);
  const entries = await repository.activity();
  expect(entries[0]?.id).toBe('77-0000000000000419');
  expect(entries.at(-1)?.id).toBe('77-0000000000000032');
});

it('is bounded by number within one run, too', async () => {
  await move();
  repository.dispose();
  writeEntries(1_049, Date.now());
  // Opening must not look first: this is the log of a repository that has been open all along.
  const gitDir = join(root, '.git');
  const log = new ActivityLog(gitDir, silentLogger);
  const entry = { branch: branch('main'), from, to, message: 'm', kind: 'merge', at: Date.now() } as const;
  const record = await new Journal(gitDir).write({ ...entry, worktree: null, pid: process.pid });
  await log.add(record);
  await expect.poll(() => readdirSync(folder()).length).toBe(1_000);
  expect((await log.entries())[0]).toMatchObject({ id: record.id, kind: 'merge' });
  repository = await provider.open(root);
});

it('is bounded by age', async () => {
  await move();
  writeEntries(10, Date.now());
  const old = join(folder(), readdirSync(folder())[0] ?? '');
  const day = 24 * 3_600_000;
  writeFileSync(old, readFileSync(old, 'utf8').replace(/"at":\d+/, `"at":${Date.now() - 91 * day}`));
  repository.dispose();
  repository = await provider.open(root);
  await expect.poll(() => existsSync(old)).toBe(false);
  expect(await repository.activity()).toHaveLength(10);
});

it('passes over what it cannot read, says so once, and goes on', async () => {
  await move();
  for (const [index, text] of ['', '{"branch":"ma', '{"branch":"../x"}', '[]'].entries())
    writeFileSync(join(folder(), `000000009${index}-1-000000000000000${index}.json`), text);
  writeFileSync(join(folder(), 'not ours.txt'), 'x');
  expect(await repository.activity()).toMatchObject([{ kind: 'fast-forward' }]);
  expect(await repository.activity()).toHaveLength(1);
  expect(warnings).toHaveLength(4);
  await move({ branch: branch('fresh'), from: null });
  expect((await repository.activity()).map(({ kind }) => kind)).toEqual(['created', 'fast-forward']);
});

it('is made anew when somebody removed it', async () => {
  await move();
  rmSync(folder(), { recursive: true });
  expect(await repository.activity()).toEqual([]);
  expect(await move({ branch: branch('fresh'), from: null })).toEqual({ moved: true });
  expect(await repository.activity()).toMatchObject([{ branch: 'fresh' }]);
});

it('[SY11] a move that cannot be noted happened all the same, and is noted at the next opening', async () => {
  mkdirSync(join(root, '.git', 'peerweave'), { recursive: true });
  writeFileSync(folder(), 'a file is in the way');
  expect(await move()).toEqual({ moved: true });
  expect(warnings).toEqual([expect.stringContaining('could not be noted')]);
  repository.dispose();
  rmSync(folder());
  repository = await provider.open(root);
  expect(await repository.activity()).toMatchObject([{ kind: 'fast-forward', from, to }]);
});
