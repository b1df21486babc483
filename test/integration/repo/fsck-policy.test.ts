import { afterEach, beforeEach, expect, it } from 'vitest';
import { TOLERATED } from '../../../extension/src/p2p/repo/git/fsck-policy.ts';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { aliceAndBob } from '../../support/alice-and-bob.ts';
import { git, gitInput, revParse } from '../../support/git.ts';
import { requestAll } from '../../support/two-repositories.ts';

let aliceRoot: string;
let bobRoot: string;
let alice: Repository;
let bob: Repository;
let end: () => void;

beforeEach(async () => {
  ({ aliceRoot, bobRoot, alice, bob, end } = await aliceAndBob('empty'));
});

afterEach(() => end());

const GOOD_IDENT = 'A <a@example.org> 1 +0000';

interface Odd {
  readonly ident?: string;
  readonly message?: string;
  /** One tree entry, `<mode> <name>`, with the content of its file (a folder holds one such file). */
  readonly entry?: string;
  readonly content?: string;
  readonly tree?: Buffer;
}

const literally = (type: string, content: string | Buffer): string =>
  gitInput(aliceRoot, content, 'hash-object', '-t', type, '--literally', '-w', '--stdin');

function treeOf({ entry = '100644 a', content = 'a\n', tree }: Odd): string {
  if (tree !== undefined) return literally('tree', tree);
  const blob = literally('blob', content);
  const child = /^0?40000 /.test(entry) ? gitInput(aliceRoot, `100644 blob ${blob}\tconfig\n`, 'mktree') : blob;
  return literally('tree', Buffer.concat([Buffer.from(`${entry}\0`), Buffer.from(child, 'hex')]));
}

/** Puts a commit with something odd about it at the tip of Alice's main, which git's porcelain would not make. */
function oddCommit(odd: Odd): Oid {
  const parent = revParse(aliceRoot, 'main');
  const lines = [`tree ${treeOf(odd)}`, `parent ${parent}`, `author ${odd.ident ?? GOOD_IDENT}`];
  const oid = literally('commit', [...lines, `committer ${GOOD_IDENT}`, '', odd.message ?? 'odd', ''].join('\n'));
  git(aliceRoot, 'update-ref', 'refs/heads/main', oid);
  return oid as Oid;
}

const BLEMISHES: Record<(typeof TOLERATED)[number], Odd> = {
  zeroPaddedFilemode: { entry: '040000 folder' },
  badTimezone: { ident: 'A <a@example.org> 1 +051800' },
  missingSpaceBeforeDate: { ident: 'A <a@example.org>1 +0000' },
  missingSpaceBeforeEmail: { ident: 'A<a@example.org> 1 +0000' },
  missingNameBeforeEmail: { ident: '<a@example.org> 1 +0000' },
  missingEmail: { ident: 'A 1 +0000' },
  badEmail: { ident: 'A <a@example.org< 1 +0000' },
  badName: { ident: 'A> <a@example.org> 1 +0000' },
  badDate: { ident: 'A <a@example.org> x +0000' },
  zeroPaddedDate: { ident: 'A <a@example.org> 01 +0000' },
};

/** True when git's own strict check would say this id about Alice's main. */
const gitSays = (id: string): boolean => {
  try {
    git(aliceRoot, 'fsck', '--strict', '--no-dangling');
    return false;
  } catch (error) {
    return String((error as { stderr?: unknown }).stderr).includes(`: ${id}:`);
  }
};

it.each(TOLERATED)('[SY2] lets %s through, which harms nobody', async (id) => {
  const tip = oddCommit(BLEMISHES[id]);
  expect(gitSays(id)).toBe(true);
  await bob.receive(requestAll(alice, aliceRoot));
  expect(revParse(bobRoot, 'refs/remotes/peers/alice/main')).toBe(tip);
});

const GITMODULES = { entry: '100644 .gitmodules' };
const entryTwice = Buffer.concat(
  ['160000 a', '160000 a'].flatMap((entry) => [Buffer.from(`${entry}\0`), Buffer.alloc(20, 1)]),
);

it.each<[id: string, odd: Odd]>([
  ['badDateOverflow', { ident: 'A <a@example.org> 99999999999999999999 +0000' }],
  ['nulInCommit', { message: 'shown\0hidden' }],
  ['multipleAuthors', { ident: `${GOOD_IDENT}\nauthor B <b@example.org> 1 +0000` }],
  ['hasDot', { entry: '40000 .' }],
  ['hasDotdot', { entry: '40000 ..' }],
  ['hasDotgit', { entry: '40000 .git' }],
  ['hasDotgit', { entry: '40000 .GIT' }],
  ['fullPathname', { entry: '100644 a/b' }],
  ['nullSha1', { tree: Buffer.concat([Buffer.from('160000 sub\0'), Buffer.alloc(20)]) }],
  ['duplicateEntries', { tree: entryTwice }],
  ['gitmodulesSymlink', { entry: '120000 .gitmodules', content: 'elsewhere' }],
  ['gitmodulesName', { ...GITMODULES, content: '[submodule "../x"]\n\tpath = x\n\turl = ./x\n' }],
  ['gitmodulesUrl', { ...GITMODULES, content: '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=evil\n' }],
  ['gitmodulesPath', { ...GITMODULES, content: '[submodule "x"]\n\tpath = -x\n\turl = ./x\n' }],
  ['gitmodulesUpdate', { ...GITMODULES, content: '[submodule "x"]\n\tpath = x\n\turl = ./x\n\tupdate = !evil\n' }],
  ['gitattributesLineLength', { entry: '100644 .gitattributes', content: `${'a'.repeat(3000)} text\n` }],
])('[SY2] refuses %s, case %#', async (id, odd) => {
  oddCommit(odd);
  expect(gitSays(id)).toBe(true);
  await expect(bob.receive(requestAll(alice, aliceRoot))).rejects.toMatchObject({ reason: 'pack-rejected' });
  expect(git(bobRoot, 'count-objects')).toMatch(/^0 objects/);
});

it.each(['.gitattributes', '.gitignore', '.mailmap'])(
  '[SY2] takes a symbolic link at %s, as git does',
  async (name) => {
    const tip = oddCommit({ entry: `120000 ${name}`, content: 'elsewhere' });
    await bob.receive(requestAll(alice, aliceRoot));
    expect(revParse(bobRoot, 'refs/remotes/peers/alice/main')).toBe(tip);
  },
);
