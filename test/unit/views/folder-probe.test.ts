import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gitOnPath, probeFolder } from '../../../extension/src/views/folder-probe.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peerweave-probe-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const git = (...args: string[]): unknown =>
  execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.org', ...args], { cwd: folder, stdio: 'pipe' });

describe('[ED1] looking at a folder without starting git', () => {
  it('knows a folder without a repository', async () => {
    expect(await probeFolder(folder)).toEqual({ kind: 'no-repository', root: folder });
  });

  it('knows a repository, from its subfolders too', async () => {
    git('init', '-q');
    await mkdir(join(folder, 'src'));
    expect(await probeFolder(join(folder, 'src'))).toEqual({ kind: 'ready', root: folder, resumable: false });
  });

  it('[SE9] sees a session that can be resumed, from a linked worktree too', async () => {
    git('init', '-q');
    git('commit', '-q', '--allow-empty', '-m', 'x');
    git('worktree', 'add', '-q', 'linked');
    await mkdir(join(folder, '.git', 'peerweave'));
    await writeFile(join(folder, '.git', 'peerweave', 'session.json'), '{}');
    expect(await probeFolder(folder)).toMatchObject({ kind: 'ready', resumable: true });
    expect(await probeFolder(join(folder, 'linked'))).toEqual({
      kind: 'ready',
      root: join(folder, 'linked'),
      resumable: true,
    });
  });

  it('refuses a bare and a shallow repository, and says why', async () => {
    git('init', '-q', '--bare', 'bare.git');
    expect(await probeFolder(join(folder, 'bare.git'))).toMatchObject({
      kind: 'unusable',
      error: { reason: 'repository-bare' },
    });
    git('init', '-q');
    await writeFile(join(folder, '.git', 'shallow'), '');
    expect(await probeFolder(folder)).toMatchObject({ kind: 'unusable', error: { reason: 'repository-shallow' } });
  });

  it('[SE9] resumes a clone of ours whose history still arrives, although it is shallow', async () => {
    git('init', '-q');
    await mkdir(join(folder, '.git', 'peerweave'));
    await writeFile(join(folder, '.git', 'peerweave', 'session.json'), '{}');
    await writeFile(join(folder, '.git', 'shallow'), '');
    expect(await probeFolder(folder)).toEqual({ kind: 'ready', root: folder, resumable: true });
  });

  it('finds git on PATH, and its absence', async () => {
    expect(await gitOnPath(folder, 'linux')).toBe(false);
    await symlink(process.execPath, join(folder, 'git'));
    expect(await gitOnPath(`/nowhere:${folder}`, 'linux')).toBe(true);
  });
});
