import { describe, expect, it } from 'vitest';
import { asFileFailure, GitFailure, lockIn } from '../../../extension/src/p2p/repo/git/git-failure.ts';
import { isSupportedVersion, parseGitVersion } from '../../../extension/src/p2p/repo/git/git-version.ts';
import { ProgressMeter } from '../../../extension/src/p2p/repo/git/progress-meter.ts';
import type { TransferProgress } from '../../../extension/src/p2p/repo/repository.ts';

describe('the version of git', () => {
  it.each([
    ['git version 2.39.5', [2, 39]],
    ['git version 2.39.5 (Apple Git-154)', [2, 39]],
    ['git version 2.47.0.windows.2', [2, 47]],
    ['zsh: command not found', undefined],
  ])('%j is read', (output, version) => expect(parseGitVersion(output)).toEqual(version));

  it.each([
    [2, 37, false],
    [2, 38, true],
    [3, 0, true],
    [1, 99, false],
  ])('%i.%i is supported: %s', (major, minor, supported) => {
    expect(isSupportedVersion([major, minor])).toBe(supported);
  });
});

describe("git's words", () => {
  it.each([
    ['error: file write error: No space left on device', 'disk-full'],
    ["fatal: Unable to create '/r/.git/index.lock': File exists.", 'repository-locked'],
    ["fatal: detected dubious ownership in repository at '/r'", 'repository-unsupported'],
    ['fatal: something new', 'internal'],
  ])('%j means %s', (stderr, reason) => expect(new GitFailure('x', 128, stderr).reason).toBe(reason));

  it('name the lock', () => {
    expect(lockIn("fatal: Unable to create '/a b/index.lock': File exists.")).toBe('/a b/index.lock');
    expect(lockIn('fatal: no')).toBeUndefined();
  });

  it('a full disk is one wherever it shows', () => {
    const error = Object.assign(new Error('write'), { code: 'ENOSPC' });
    expect(asFileFailure(error)).toMatchObject({ reason: 'disk-full' });
    expect(asFileFailure('other')).toBe('other');
  });
});

it('progress tells what git does and the bytes that came', () => {
  const seen: TransferProgress[] = [];
  const meter = new ProgressMeter((progress) => seen.push(progress));
  meter.count(1000);
  meter.read(
    'Receiving objects:  50% (1/2)\rReceiving objects: 100% (2/2), 1.00 KiB | done.\nResolving deltas:  10% (1/10)\r',
  );
  expect(seen.at(-1)).toMatchObject({ task: 'Resolving deltas', done: 1, total: 10, bytes: 1000 });
  expect(seen.find(({ done, total }) => done === 2 && total === 2)).toBeDefined();
});
