import type { ConflictDetail, FileVersion } from '../../extension/src/rpc/conflicts.ts';

/** A divergence of `main` to be shown: hostile names, every way in which a file may have to be decided, three people. */

export const MINE = 'a'.repeat(40);
/** Bob's and Cy's. */
export const THEIRS = ['b'.repeat(40), 'c'.repeat(40)] as const;
const [BOBS, CYS] = THEIRS;

/** A file as everybody has it. */
export interface Versions {
  readonly base: FileVersion;
  readonly mine: FileVersion;
  /** By tip. */
  readonly others: Readonly<Record<string, FileVersion>>;
}

export const text = (value: string): FileVersion & object => ({
  mode: '100644',
  bytes: value.length,
  kind: 'text',
  text: value,
});
const binary = (bytes: number): FileVersion => ({ mode: '100644', bytes, kind: 'binary' });

const greeting = (hello: string, count: string): FileVersion =>
  text(
    [
      `import { say, count, end } from './voice.ts';\n\n/** Greets whoever comes in. */\nexport function greet(): void {\n`,
      `${hello}\n`,
      ...Array.from({ length: 24 }, (_, n) => `  step(${n});\n`),
      `${count}\n  end();\n}\n`,
    ].join(''),
  );

export const someFiles: Readonly<Record<string, Versions>> = {
  'src/greeting.ts': {
    base: greeting(`  say('hello');`, `  count(3);`),
    mine: greeting(`  say('guten Tag');`, `  count(4);`),
    others: {
      [BOBS]: greeting(`  say('bonjour');`, `  count(3, 'twice');`),
      [CYS]: greeting(`  say('hej');`, `  count(3);\n  rest();`),
    },
  },
  'a/rather/deep/folder/with-a-name-that-is-much-longer-than-the-list-is-wide.ts': {
    base: text('x\n'),
    mine: text('<script>alert(1)</script>\n'),
    others: { [BOBS]: text('z\n') },
  },
  'media/logo.png': { base: binary(10_222), mine: binary(12_345), others: { [BOBS]: binary(9_876) } },
  'docs/old.md': {
    base: text('# Notes\n\nThey are old.\n'),
    mine: text('# Notes\n\nThey are old, and still right.\n'),
    others: { [BOBS]: null },
  },
};

const KINDS: Readonly<Record<string, ConflictDetail['files'][number]['kinds']>> = {
  'media/logo.png': ['binary'],
  'docs/old.md': ['modify/delete'],
};

const now = Math.floor(Date.now() / 1000);
const commit = (digit: string, subject: string, author: string, minutes: number) => ({
  oid: digit.repeat(40),
  subject,
  author,
  time: now - 60 * minutes,
});

const SIDES: readonly ConflictDetail['sides'][number][] = [
  {
    tip: MINE,
    owners: [],
    mine: true,
    commits: [commit('1', 'Say hello in German', 'Ada', 3), commit('2', 'Count to four', 'Ada', 9)],
    moreCommits: false,
    changedFiles: 4,
    changes: [],
  },
  {
    tip: BOBS,
    owners: ['Bob <b>x</b>'],
    mine: false,
    commits: [
      commit('3', 'Say hello in French <img src=x onerror=alert(1)>', 'Bob', 1),
      commit('4', 'Count twice', 'Bob', 14),
      commit('5', 'A new logo', 'Bob', 90),
    ],
    moreCommits: true,
    changedFiles: 5,
    changes: [],
  },
  {
    tip: CYS,
    owners: ['Cy'],
    mine: false,
    commits: [commit('6', 'Say hello in Swedish', 'Cy', 30)],
    moreCommits: false,
    changedFiles: 1,
    changes: [],
  },
];

/** These files conflict with these sides. */
export const conflictOf = (paths: readonly string[], tips: readonly string[]): ConflictDetail => ({
  kind: 'diverged',
  branch: 'main',
  bases: ['0'.repeat(40)],
  sides: SIDES.filter(({ mine, tip }) => mine || tips.includes(tip)),
  outcome: 'conflicts',
  files: [
    ...paths.map((path) => ({
      path,
      kinds: KINDS[path] ?? ['content' as const],
      theirs: tips[0] ?? BOBS,
      related: [],
      ...(tips.length > 1 ? { sides: [...tips] } : {}),
    })),
    { path: 'README.md', kinds: [], theirs: tips[0] ?? BOBS, related: [] },
  ],
  moreFiles: false,
  resolving: [],
});

export const diverged = conflictOf(Object.keys(someFiles), [BOBS]);
