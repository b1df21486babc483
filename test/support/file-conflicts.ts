import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { executable, lines, link, move, submodule, type Edit } from './diverged.ts';
import { git } from './git.ts';

/** Two sides of which files do not merge. */
export interface FileConflict {
  readonly name: string;
  readonly base: readonly Edit[];
  readonly ours: readonly Edit[];
  readonly theirs: readonly Edit[];
  /** `path: kinds`, and paths named along. */
  readonly expected: readonly string[];
}

const SUB = (letter: string): string => letter.repeat(40);
const POINTER = (oid: string, size: number): string =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${oid.repeat(64)}\nsize ${size}\n`;

/** Each kind of conflict between files. */
export const FILE_CONFLICTS: readonly FileConflict[] = [
  {
    name: 'the same line',
    base: [{ f: lines(9) }],
    ours: [{ f: lines(9, { 5: 'ours' }) }],
    theirs: [{ f: lines(9, { 5: 'theirs' }) }],
    expected: ['f: content'],
  },
  {
    name: 'both add a file',
    base: [{ f: '1\n' }],
    ours: [{ g: 'ours\n' }],
    theirs: [{ g: 'theirs\n' }],
    expected: ['g: add/add'],
  },
  {
    name: 'both add a file whose names differ by case, on every file system',
    base: [{ f: '1\n' }],
    ours: [{ 'docs/Straße': 'ours\n' }],
    theirs: [{ 'docs/STRAßE': 'theirs\n' }],
    expected: ['docs/Straße: add/add (docs/STRAßE)'],
  },
  {
    name: 'one changes what the other deletes',
    base: [{ f: lines(9), g: '1\n' }],
    ours: [{ f: lines(9, { 1: 'ours' }) }],
    theirs: [{ f: null }],
    expected: ['f: modify/delete'],
  },
  {
    name: 'both rename a file, differently',
    base: [{ f: lines(9) }],
    ours: [move('f', 'ours')],
    theirs: [move('f', 'theirs')],
    expected: ['f: rename/rename (ours, theirs)'],
  },
  {
    name: 'two files renamed to one name',
    base: [{ f: lines(9), g: lines(12, { 1: 'g' }) }],
    ours: [move('f', 'h')],
    theirs: [move('g', 'h')],
    expected: ['h: add/add'],
  },
  {
    name: 'one renames what the other deletes',
    base: [{ f: lines(9), g: '1\n' }],
    ours: [move('f', 'h')],
    theirs: [{ f: null }],
    expected: ['h: rename/delete (f)'],
  },
  {
    name: 'one moves a folder into which the other puts a file',
    base: [{ 'old/a': lines(9), 'old/b': lines(12) }],
    ours: [move('old', 'new')],
    theirs: [{ 'old/c': 'c\n' }],
    expected: ['new/c: directory-rename (old/c)'],
  },
  {
    name: 'a file and a folder',
    base: [{ f: '1\n' }],
    ours: [{ x: 'file\n' }],
    theirs: [{ 'x/y': 'folder\n' }],
    expected: ['x: directory/file'],
  },
  {
    name: 'a file and a link',
    base: [{ f: lines(9) }],
    ours: [{ f: lines(9, { 1: 'ours' }) }],
    theirs: [link('f', 'elsewhere')],
    expected: ['f: mode'],
  },
  {
    name: 'the same new file with different modes',
    base: [{ f: '1\n' }],
    ours: [{ g: 'same\n' }, executable('g')],
    theirs: [{ g: 'same\n' }],
    expected: ['g: mode'],
  },
  {
    name: 'binary files',
    base: [{ f: Buffer.from('a\0b') }],
    ours: [{ f: Buffer.from('a\0ours') }],
    theirs: [{ f: Buffer.from('a\0theirs') }],
    expected: ['f: binary'],
  },
  {
    name: 'a submodule that both moved, whatever is checked out',
    base: [submodule('sub', SUB('a'))],
    ours: [submodule('sub', SUB('b'))],
    theirs: [submodule('sub', SUB('c'))],
    expected: ['sub: submodule'],
  },
  {
    name: 'pointers of Git LFS',
    base: [{ '.gitattributes': '*.psd filter=lfs diff=lfs merge=lfs -text\n', 'a.psd': POINTER('1', 100) }],
    ours: [{ 'a.psd': POINTER('2', 200) }],
    theirs: [{ 'a.psd': POINTER('3', 300) }],
    expected: ['a.psd: content'],
  },
  {
    name: 'line endings that one side turned',
    base: [{ f: lines(9) }],
    ours: [{ f: lines(9).replaceAll('\n', '\r\n') }],
    theirs: [{ f: lines(9, { 5: 'theirs' }) }],
    expected: ['f: content'],
  },
  {
    name: 'lines that would merge, in a file that is not to be merged by lines',
    base: [{ '.gitattributes': '*.lock -merge\n', 'a.lock': lines(9), 'b.txt': lines(9) }],
    ours: [{ 'a.lock': lines(9, { 1: 'ours' }), 'b.txt': lines(9, { 1: 'ours' }) }],
    theirs: [{ 'a.lock': lines(9, { 9: 'theirs' }), 'b.txt': lines(9, { 9: 'theirs' }) }],
    expected: ['a.lock: attributes'],
  },
  {
    name: 'the same where only one side says so, in a folder of its own, by a macro',
    base: [{ 'd/e/f': lines(9), '.gitattributes': '[attr]mine -text merge=ours\n' }],
    ours: [{ 'd/e/f': lines(9, { 1: 'ours' }) }],
    theirs: [{ 'd/e/f': lines(9, { 9: 'theirs' }), 'd/.gitattributes': 'e/* mine\n' }],
    expected: ['d/e/f: attributes'],
  },
  {
    name: 'one deletes what the other changes',
    base: [{ f: lines(9), g: '1\n' }],
    ours: [{ f: null }],
    theirs: [{ f: lines(9, { 5: 'theirs' }) }],
    expected: ['f: modify/delete'],
  },
  {
    name: 'both add a file whose names differ by a normal form of Unicode',
    base: [{ f: '1\n' }],
    ours: [{ 'caf\u00e9': 'ours\n' }],
    theirs: [{ 'cafe\u0301': 'theirs\n' }],
    expected: ['caf\u00e9: add/add (cafe\u0301)'],
  },
  {
    name: 'both rename a file alike and change the same line',
    base: [{ f: lines(30) }],
    ours: [move('f', 'g'), { g: lines(30, { 5: 'ours' }) }],
    theirs: [move('f', 'g'), { g: lines(30, { 5: 'theirs' }) }],
    expected: ['g: content'],
  },
  {
    name: 'one renames, and both change the same line',
    base: [{ f: lines(30) }],
    ours: [move('f', 'g'), { g: lines(30, { 5: 'ours' }) }],
    theirs: [{ f: lines(30, { 5: 'theirs' }) }],
    expected: ['g: content'],
  },
  {
    name: 'one renames a file to what the other adds',
    base: [{ f: lines(30) }],
    ours: [move('f', 'g')],
    theirs: [{ g: 'quite another\n' }],
    expected: ['g: add/add'],
  },
  {
    name: 'links to different places',
    base: [link('f', 'here')],
    ours: [link('f', 'ours')],
    theirs: [link('f', 'theirs')],
    expected: ['f: content'],
  },
  {
    name: 'a text that one side made binary',
    base: [{ f: lines(9) }],
    ours: [{ f: lines(9, { 1: 'ours' }) }],
    theirs: [{ f: Buffer.from('a\0theirs') }],
    expected: ['f: binary'],
  },
  {
    name: 'binary files that both add',
    base: [{ f: '1\n' }],
    ours: [{ g: Buffer.from('a\0ours') }],
    theirs: [{ g: Buffer.from('a\0theirs') }],
    expected: ['g: binary'],
  },
  {
    name: 'a submodule that one moved and the other removed',
    base: [{ f: '1\n' }, submodule('sub', SUB('a'))],
    ours: [submodule('sub', SUB('b'))],
    theirs: [noSubmodule('sub')],
    expected: ['sub: modify/delete'],
  },
  {
    name: 'submodules that both add at one path',
    base: [{ f: '1\n' }],
    ours: [submodule('sub', SUB('b'))],
    theirs: [submodule('sub', SUB('c'))],
    expected: ['sub: submodule'],
  },
  {
    name: 'pointers of Git LFS for a file that both add',
    base: [{ '.gitattributes': '*.psd filter=lfs diff=lfs merge=lfs -text\n' }],
    ours: [{ 'a.psd': POINTER('2', 200) }],
    theirs: [{ 'a.psd': POINTER('3', 300) }],
    expected: ['a.psd: add/add'],
  },
  {
    name: 'pointers of Git LFS whose lines would merge',
    base: [{ '.gitattributes': '*.psd filter=lfs diff=lfs merge=lfs -text\n', 'a.psd': `${lines(9)}size 1\n` }],
    ours: [{ 'a.psd': `${lines(9, { 1: 'ours' })}size 1\n` }],
    theirs: [{ 'a.psd': `${lines(9)}size 2\n` }],
    expected: ['a.psd: attributes'],
  },
  {
    name: 'line endings, whatever attributes say of them in a worktree',
    base: [{ '.gitattributes': '*.txt -text\n', 'f.txt': lines(9) }],
    ours: [{ 'f.txt': lines(9).replaceAll('\n', '\r\n') }],
    theirs: [{ 'f.txt': lines(9, { 5: 'theirs' }), '.gitattributes': '*.txt text eol=crlf\n' }],
    expected: ['f.txt: content'],
  },
  {
    name: 'lines that a union driver would put one after the other',
    base: [{ '.gitattributes': 'CHANGELOG merge=union\n', CHANGELOG: lines(9) }],
    ours: [{ CHANGELOG: lines(9, { 1: 'ours' }) }],
    theirs: [{ CHANGELOG: lines(9, { 9: 'theirs' }) }],
    expected: ['CHANGELOG: attributes'],
  },
];

function noSubmodule(path: string): Edit {
  return (root) => {
    git(root, 'update-index', '--force-remove', path);
    rmSync(join(root, path), { recursive: true, force: true });
  };
}
