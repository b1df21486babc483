import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Git } from '../../../extension/src/p2p/repo/git/git.ts';
import { findRefReader, refFormatOf } from '../../../extension/src/p2p/repo/git/ref-reader.ts';
import { commit, git, initRepository, tempFolder, type TempFolder } from '../../support/git.ts';
import { branch, ref } from '../../support/two-repositories.ts';

let temp: TempFolder;
let root: string;
let log: string;
let spied: Git;

beforeEach(() => {
  temp = tempFolder();
  root = initRepository(join(temp.path, 'work'));
  log = join(temp.path, 'log');
  const script = join(temp.path, 'git');
  writeFileSync(script, `#!/bin/sh\necho "$*" >> ${log}\nexec git "$@"\n`, { mode: 0o755 });
  spied = new Git(script);
});

afterEach(() => temp.remove());

it.each([
  [undefined, 'files'],
  ['', 'files'],
  ['files\n', 'files'],
  ['reftable\n', 'reftable'],
])('a repository whose extensions.refStorage is %j keeps its refs as %s', (value, format) => {
  expect(refFormatOf(value)).toBe(format);
});

// This git may be too old for reftables; with format version 0 it passes the extension over, and can be asked all the same.
it('asks git wherever refs are not plain files', async () => {
  const tip = commit(root, { a: 'a' });
  git(root, 'branch', 'topic/x');
  const gitDir = join(root, '.git');
  const answers = [];
  for (const format of ['files', 'reftable']) {
    git(root, 'config', 'extensions.refStorage', format);
    const reader = await findRefReader(spied, gitDir);
    answers.push([await reader.all(), await reader.one(ref('refs/heads/topic/x')), await reader.head(gitDir)]);
    expect(readFileSync(log, 'utf8').includes('for-each-ref')).toBe(format === 'reftable');
  }
  const refs = new Map(['refs/heads/main', 'refs/heads/topic/x'].map((name) => [ref(name), tip]));
  expect(answers).toEqual([
    [refs, tip, branch('main')],
    [refs, tip, branch('main')],
  ]);
});
