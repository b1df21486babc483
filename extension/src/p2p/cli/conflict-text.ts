import type { ConflictDetail } from '../../rpc/conflicts.ts';
import type { ConflictView, SessionView } from '../../rpc/model.ts';

const MAX_COMMITS = 10;
const MAX_FILES = 50;

/** What there is to look at of a branch, in a line. */
export function conflictLine({ kind, branch, candidates, deletedBy = [], resolving }: ConflictView): string {
  const others = candidates.filter(({ mine }) => !mine).flatMap(({ owners }) => owners);
  const busy = resolving.length === 0 ? '' : ` (${resolving.map(({ name }) => name).join(', ')} is settling it)`;
  switch (kind) {
    case 'diverged':
      return `${branch} has diverged${others.length > 0 ? `: ${others.join(', ')} went another way` : ''}${busy}`;
    case 'rewound-there':
      return `${branch} was moved back by ${others.join(', ')}; yours stays`;
    case 'deleted-there':
      return `${branch} was deleted by ${deletedBy.join(', ')}; yours stays`;
  }
}

/** What is left out of a list of conflicts, in a line, if anything is. */
export const moreLines = ({ moreConflicts }: Pick<SessionView, 'moreConflicts'>): string[] =>
  moreConflicts === undefined ? [] : [`and ${moreConflicts.all} more: settle some of these first`];

const OUTCOMES: Record<ConflictDetail['outcome'], string> = {
  'same-tree': 'All have the same files.',
  'patch-equal': 'All have the same changes, committed separately.',
  clean: 'Merges by itself: peerweave resolve BRANCH --take merge.',
  conflicts: 'These files need a decision:',
  unrelated: 'The sides share no history.',
};

/** A conflict in full, in lines: who has what, and what merging would come to. */
export function detailLines(detail: ConflictDetail): string[] {
  const { branch, sides, outcome, files, moreFiles, resolving } = detail;
  const conflicting = files.filter(({ kinds }) => kinds.length > 0);
  return [
    ...sides.flatMap(sideLines),
    OUTCOMES[outcome].replace('BRANCH', branch),
    ...conflicting.slice(0, MAX_FILES).map(({ path, kinds }) => `  ${path}  (${kinds.join(', ')})`),
    ...(moreFiles || conflicting.length > MAX_FILES ? ['  and more'] : []),
    ...resolving.map(({ name }) => `${name} is settling it now.`),
  ];
}

function sideLines({ tip, owners, mine, commits, moreCommits }: ConflictDetail['sides'][number]): string[] {
  const who = [...(mine ? ['you'] : []), ...owners].join(', ');
  return [
    `${who} at ${tip.slice(0, 8)}:`,
    ...commits.slice(0, MAX_COMMITS).map(({ oid, author, subject }) => `  ${oid.slice(0, 8)}  ${subject}  (${author})`),
    ...(moreCommits || commits.length > MAX_COMMITS ? ['  and more'] : []),
  ];
}

/** What is done by itself about branches that diverge, in lines: for the session, and for branches with a strategy of their own. */
export const strategyLines = ({ strategy, branchStrategies = {} }: StrategyView): string[] => [
  strategy,
  ...Object.entries(branchStrategies).map(([branch, own]) => `${branch}: ${own}`),
];

type StrategyView = Pick<SessionView, 'strategy' | 'branchStrategies'>;
