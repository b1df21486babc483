import { executable, lines, link, move, submodule, type Edit } from './diverged.ts';

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
];
