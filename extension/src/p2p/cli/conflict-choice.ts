import type { ConflictView, SessionView } from '../../rpc/model.ts';
import type { Resolution } from '../../rpc/conflicts.ts';
import { PeerweaveError } from '../../shared/errors.ts';

export const TAKES = ['theirs', 'mine', 'both', 'merge', 'rebase', 'follow'] as const;
export type Take = (typeof TAKES)[number];

/** What a person asked for on the command line. */
export interface Choice {
  readonly take: Take;
  /** Whose side; needed where several others have one. */
  readonly peer?: string | undefined;
  /** For `both`: what our commits are called. */
  readonly name?: string | undefined;
  readonly message?: string | undefined;
}

type Session = Pick<SessionView, 'self' | 'conflicts' | 'moreConflicts'>;

/** The request for a choice, by what the session shows. Throws `bad-request` when it does not fit, and says what would. */
export function resolutionOf(
  session: Session,
  branch: string,
  choice: Choice,
): { readonly tips: string[]; readonly resolution: Resolution } {
  const conflict = conflictFor(session, branch, choice);
  return { tips: conflict.candidates.map(({ oid }) => oid), resolution: wayOf(session, conflict, choice) };
}

function conflictFor(session: Session, branch: string, { take, peer }: Choice): ConflictView {
  const mine = session.conflicts.filter((conflict) => conflict.branch === branch);
  if (mine.length === 0) throw bad(notListed(session, branch));
  const fitting = mine.filter(({ kind }) => (take === 'follow' ? kind !== 'diverged' : kind !== 'deleted-there'));
  const [first] = fitting;
  if (first === undefined) {
    throw bad(
      take === 'follow'
        ? `${branch} went another way there, not back. Take theirs, mine, both, merge or rebase.`
        : `${branch} was deleted there. Take follow to delete it here too; or leave it.`,
    );
  }
  // A branch may be where several went back to, each a case of its own.
  const named = fitting.find((conflict) => peer !== undefined && peersOf(conflict).includes(peer));
  return named ?? first;
}

const notListed = ({ conflicts, moreConflicts }: Session, branch: string): string =>
  moreConflicts === undefined
    ? `There is nothing to settle on ${branch}. See peerweave conflicts.`
    : `${branch} is not among the ${conflicts.length} conflicts that are listed. Settle some of those first: see peerweave conflicts.`;

function wayOf({ self }: Session, conflict: ConflictView, { take, peer, name, message = '' }: Choice): Resolution {
  switch (take) {
    case 'mine':
      return { how: 'mine' };
    case 'merge':
      return { how: 'merge', files: [], message };
    case 'theirs':
      return { how: 'theirs', tip: theirTip(conflict, peer) };
    case 'rebase':
      return { how: 'rebase', onto: theirTip(conflict, peer) };
    case 'both':
      return { how: 'both', name: name ?? `${conflict.branch}-${slug(self.name)}`, tip: theirTip(conflict, peer) };
    case 'follow':
      return { how: 'follow', tip: conflict.kind === 'deleted-there' ? null : theirTip(conflict, peer) };
  }
}

function theirTip({ branch, candidates }: ConflictView, peer: string | undefined): string {
  const others = candidates.filter(({ mine }) => !mine);
  const wanted = peer === undefined ? others : others.filter(({ owners }) => owners.includes(peer));
  const [only, another] = wanted;
  if (only !== undefined && another === undefined) return only.oid;
  const names = others.flatMap(({ owners }) => owners).join(', ');
  throw bad(
    only === undefined
      ? `${peer ?? 'Nobody'} has no side of ${branch} of its own. Those who have: ${names}.`
      : `Several others have a side of ${branch}. Name one with --peer: ${names}.`,
  );
}

const peersOf = ({ candidates, deletedBy = [] }: ConflictView): string[] => [
  ...candidates.filter(({ mine }) => !mine).flatMap(({ owners }) => owners),
  ...deletedBy,
];

const slug = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-|-$/g, '') || 'mine';

const bad = (message: string): PeerweaveError => new PeerweaveError('bad-request', message);
