import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { branchNameProblem, proposedName } from '../../../extension/src/commands/branch-name.ts';

const NAMES = [
  ...['main-ada', 'feature/looms', 'ünïcode', 'a.b', 'a@b', '', ' ', 'two words', 'tab\tbed', 'a..b', 'a~b', 'a^b'],
  ...['a:b', 'a?b', 'a*b', 'a[b', 'a\\b', 'a@{b', '-x', '/a', 'a/', 'a//b', '.a', 'a/.b', 'a.lock', 'a.lock/b'],
  ...['a.', 'HEAD', 'a\u0001b', 'a\u007fb'],
];

function gitTakes(name: string): boolean {
  try {
    execFileSync('git', ['check-ref-format', '--branch', name], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

describe('names of branches', () => {
  it.each(NAMES)('%j is taken when git takes it', (name) => {
    expect(branchNameProblem(name) === undefined).toBe(gitTakes(name));
  });

  it('is not one that git takes for something else', () => {
    expect(branchNameProblem('@')).toMatch(/something else/);
  });

  it('proposes one from the person', () => {
    expect(proposedName('main', 'Ada Lovelace')).toBe('main-ada');
    expect(proposedName('main', '$(x)')).toBe('main-x');
    expect(proposedName('main', '***')).toBe('main-mine');
  });
});
