import type { ConflictDetail, ConflictFileView, ConflictSide } from '../../extension/src/rpc/conflicts.ts';

export const oidOf = (digit: string): string => digit.repeat(40);

export const someSide = (part: Partial<ConflictSide> = {}): ConflictSide => ({
  tip: oidOf('3'),
  owners: ['Ada'],
  mine: true,
  commits: [{ oid: oidOf('3'), author: 'Ada', time: 1_000, subject: 'Weave' }],
  moreCommits: false,
  changedFiles: 1,
  changes: [],
  ...part,
});

export const someFile = (part: Partial<ConflictFileView> = {}): ConflictFileView => ({
  path: 'src/loom.ts',
  kinds: ['content'],
  theirs: oidOf('4'),
  related: [],
  ...part,
});

/** What the engine tells of `someConflict()`. */
export const someDetail = (part: Partial<ConflictDetail> = {}): ConflictDetail => ({
  kind: 'diverged',
  branch: 'main',
  bases: [oidOf('1')],
  sides: [someSide(), someSide({ tip: oidOf('4'), owners: ['Bea'], mine: false })],
  outcome: 'conflicts',
  files: [someFile(), someFile({ path: 'README.md', kinds: [] })],
  moreFiles: false,
  resolving: [],
  ...part,
});
