import type { ConflictDetail, ConflictFileView, Strategy } from '../rpc/conflicts.ts';
import type { ConflictView, SessionView } from '../rpc/model.ts';
import { needsPeople } from '../rpc/needs-people.ts';
import { plain } from './plain-text.ts';

type Candidate = ConflictView['candidates'][number];
type Named = Pick<SessionView, 'self'>;

/** What a strategy is called, and what it does, in the words of the setting. */
export const STRATEGIES: Record<Strategy, { readonly label: string; readonly explanation: string }> = {
  manual: { label: 'Manual', explanation: 'Nothing is done by itself: you are told, and settle it when it suits you.' },
  'auto-merge': {
    label: 'Auto-Merge',
    explanation: 'Merges what merges cleanly, the same commit for everybody. What does not is left to people.',
  },
  'prefer-local': {
    label: 'Prefer Mine',
    explanation: 'Merges, and your files win whole. The other commits stay in the history, and are kept.',
  },
  'prefer-remote': {
    label: 'Prefer Theirs',
    explanation: "Merges, and the others' files win whole. Your commits stay in the history, and are kept.",
  },
};

/** How far the strategy is, after its name. */
export const SETTLING: Record<NonNullable<ConflictView['settling']>, string> = {
  'under-way': 'settling it now',
  unclean: 'waits for you: the files do not merge by themselves',
  'gave-up': 'gave up: the peers do not come to agree. A new commit starts it again',
  rewritten: 'waits for you: somebody took commits back, and merging would bring them back',
  opposed: 'waits for you: a peer has settled the same in another way',
  'too-many': 'waits for you: these are too many sides to settle by themselves',
};

/** Why a file does not merge by itself. */
export const FILE_KINDS: Record<ConflictFileView['kinds'][number], string> = {
  content: 'both changed it',
  'add/add': 'both added it, differently',
  'modify/delete': 'changed on one side, deleted on the other',
  'rename/rename': 'renamed to different names',
  'rename/delete': 'renamed on one side, deleted on the other',
  'directory-rename': 'its folder was renamed',
  'directory/file': 'a file on one side, a folder on the other',
  mode: 'different file modes',
  binary: 'binary, changed on both sides',
  submodule: 'the submodule moved on both sides',
  attributes: 'merged in a way of its own (.gitattributes)',
  other: 'does not merge by itself',
};

/** Commits as git prints them. */
export const short = (oid: string): string => oid.slice(0, 7);

/** `you`, `Bea`, `Bea, Cy`: whose side it is. */
export function ownersOf({ self }: Named, { owners, mine }: Candidate, maxLength = 40): string {
  const others = owners.filter((owner) => !mine || owner !== self.name).map((owner) => plain(owner, 30));
  return plain([...(mine ? ['you'] : []), ...new Set(others)].join(', ') || 'nobody here', maxLength);
}

/** `you ↔ Bea`, or what a peer did to the branch. */
export function partiesOf(session: Named, conflict: ConflictView): string {
  return conflict.kind === 'diverged'
    ? conflict.candidates.map((candidate) => ownersOf(session, candidate)).join(' ↔ ')
    : `${happenedTo(session, conflict)}; yours stays`;
}

/** `Bea moved it back`, of a branch that a peer did that to. */
export function happenedTo(session: Named, { kind, candidates, deletedBy = [] }: ConflictView): string {
  if (kind === 'deleted-there') return `${plain(deletedBy.map((name) => plain(name, 30)).join(', '))} deleted it`;
  const others = candidates.filter(({ mine }) => !mine).map((candidate) => ownersOf(session, candidate));
  return `${others.join(', ')} moved it back`;
}

/** Those who are at it now besides us (D8). */
export const othersAtIt = ({ self }: Named, { resolving }: ConflictView): ConflictView['resolving'] =>
  resolving.filter(({ name }) => name !== self.name);

/** How many conflicts a session has, those that are not listed included; `diverged` and `toSettle` are parts of `all`. */
export function conflictCounts({ conflicts, moreConflicts }: Listed): NonNullable<Listed['moreConflicts']> {
  return {
    all: conflicts.length + (moreConflicts?.all ?? 0),
    diverged: conflicts.filter(({ kind }) => kind === 'diverged').length + (moreConflicts?.diverged ?? 0),
    toSettle: conflicts.filter(needsPeople).length + (moreConflicts?.toSettle ?? 0),
  };
}

type Listed = Pick<SessionView, 'conflicts' | 'moreConflicts'>;

/** Why no conflict of the branch can be chosen: it has none, or is beyond those that are listed. */
export const notToChoose = ({ conflicts, moreConflicts }: Listed, branch: string): string =>
  moreConflicts === undefined
    ? `${plain(branch)} is settled already.`
    : `${plain(branch)} is not among the ${conflicts.length} conflicts that are listed. Settle some of those first.`;

/** The same for the same commits on the same branch, whoever has them. */
export const conflictKey = (repo: string, { kind, branch, candidates }: ConflictView): string =>
  [repo, kind, branch, ...candidates.map(({ oid }) => oid)].join('\0');

/** Those that do not merge by themselves. */
export const conflictingFiles = ({ files }: Pick<ConflictDetail, 'files'>): readonly ConflictFileView[] =>
  files.filter(({ kinds }) => kinds.length > 0);
