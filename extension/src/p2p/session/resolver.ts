import type { Resolution } from '../../rpc/conflicts.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { branchRef, type BranchName, type Oid } from '../../shared/ids.ts';
import type { ConflictFile } from '../repo/merge.ts';
import type { MoveKind } from '../repo/move-kind.ts';
import type { MoveRefusal, MoveRequest, RefMove, Repository } from '../repo/repository.ts';
import type { Author, ReplayOutcome, ResolveOutcome, ResolveRequest } from '../repo/resolution.ts';
import type { BranchConflict } from '../sync/branch-conflicts.ts';
import { describeRefusal, reasonOf, sentence } from './refusal-text.ts';

/** What a resolver needs of the session around it. */
export interface ResolverParts {
  readonly repository: Repository;
  /** Who commits. */
  readonly author: () => Author;
  /** A branch moved, by a person here. */
  readonly moved: (moves: readonly RefMove[]) => void;
}

export interface ResolveOptions {
  /** The person has seen that files which run code on open come along (SY6). */
  readonly reviewed: boolean;
  /** Throws when the candidates are others by now; asked again at the last moment. */
  readonly check: () => void;
  readonly signal?: AbortSignal;
}

type How<H extends Resolution['how']> = Extract<Resolution, { how: H }>;

/** A settlement that is about to happen. */
interface Case extends ResolveOptions {
  readonly branch: BranchName;
  readonly ours: Oid;
  /** All candidates, ours first. */
  readonly heads: readonly Oid[];
  readonly kind: BranchConflict['kind'];
}

/**
 * Settles a conflict the way a person chose (CO5). Everything that is new is made beside the branch; then the branch moves in one step, with
 * its worktree, or nothing has happened. What loses is kept before (CO4).
 */
export class Resolver {
  private readonly parts: ResolverParts;

  constructor(parts: ResolverParts) {
    this.parts = parts;
  }

  /**
   * Resolves to where the branch is then, null where it is gone. Throws `conflict-unresolved` when something needs a decision that has
   * none, `move-refused` when the branch cannot move now, `disk-full`, `review-needed`, `conflict-moved` when it has moved meanwhile,
   * `bad-request` for what does not fit the conflict, and what making commits throws. Then nothing has happened.
   */
  async settle(conflict: BranchConflict, resolution: Resolution, options: ResolveOptions): Promise<Oid | null> {
    const { branch, kind } = conflict;
    const heads = conflict.candidates.map(({ tip }) => tip);
    const [ours] = heads;
    if (ours === undefined) throw misfit(branch, 'has no side of ours');
    const at: Case = { ...options, branch, kind, heads, ours };
    assertFits(at, resolution);
    switch (resolution.how) {
      case 'merge':
        return this.merge(at, resolution);
      case 'theirs':
        return this.take(at, checkedTip(at, resolution.tip));
      case 'mine':
        return this.take(at, ours);
      case 'rebase':
        return this.rebase(at, checkedTip(at, resolution.onto));
      case 'both':
        return this.keepBoth(at, resolution);
      case 'follow':
        return this.follow(at, resolution.tip === null ? null : checkedTip(at, resolution.tip));
    }
  }

  private async merge(at: Case, { files, message }: How<'merge'>): Promise<Oid> {
    const decisions = files.map((file) => (file.use === 'side' ? { ...file, tip: file.tip as Oid } : file));
    const commit = await this.commit(at, { merge: decisions }, message);
    return this.move(at, commit, 'resolve', 'merged by hand');
  }

  private async take(at: Case, tip: Oid): Promise<Oid> {
    const { branch, heads, ours } = at;
    const whose = tip === ours ? 'ours' : tip.slice(0, 10);
    const commit = await this.commit(at, { take: tip }, `Merge what diverged on ${branch}, with the files of ${whose}`);
    const losing = heads.filter((head) => head !== tip);
    return this.keeping(at, losing, () => this.move(at, commit, 'resolve', `took ${whose}`));
  }

  private async rebase(at: Case, onto: Oid): Promise<Oid> {
    const { repository, author } = this.parts;
    const replayed = await repository.replay({ tip: at.ours, onto, author: author(), ...signalOf(at) });
    if (replayed.outcome !== 'replayed') throw notReplayed(at, replayed);
    const { commit } = replayed;
    return this.keeping(at, [at.ours], () => this.move(at, commit, 'rebase', `rebased onto ${onto.slice(0, 10)}`));
  }

  /** The name is looked at first, so that nobody hears of a branch that goes again when the other step is refused. */
  private async keepBoth(at: Case, { name, tip }: How<'both'>): Promise<Oid> {
    const { repository } = this.parts;
    const { branch, ours } = at;
    const theirs = checkedTip(at, tip);
    const beside = name as BranchName;
    const creation = {
      branch: beside,
      from: null,
      to: ours,
      kind: 'created' as const,
      message: `kept beside ${branch}`,
    };
    const possible = await repository.moveBranch({ ...creation, onlyCheck: true });
    if (!possible.moved) throw cannotCreate(beside, possible.refusal);
    const known = (await repository.keptTips(branch)).some((one) => one.tip === ours);
    const message = `follows ${theirs.slice(0, 10)}, ours is ${name}`;
    await this.keeping(at, [ours], () => this.move(at, theirs, 'follow', message));
    await this.moveTo(creation);
    // It is safe under its own name now.
    if (!known) await repository.releaseKept(branch, [ours]);
    return theirs;
  }

  private follow(at: Case, tip: Oid | null): Promise<Oid | null> {
    const what = tip === null ? 'deleted as by others' : `went back with others to ${tip.slice(0, 10)}`;
    return this.keeping(at, [at.ours], async () => {
      if (tip !== null) return this.move(at, tip, 'follow', what);
      await this.moveTo({ branch: at.branch, from: at.ours, to: null, kind: 'follow', message: what });
      return null;
    });
  }

  private async commit({ branch, heads, signal }: Case, tree: ResolveRequest['tree'], message: string): Promise<Oid> {
    const text = message.trim() === '' ? `Merge what diverged on ${branch}` : message;
    const request = { heads, tree, message: text, author: this.parts.author(), ...signalOf({ signal }) };
    const made = await this.parts.repository.resolve(request);
    if (made.outcome === 'committed') return made.commit;
    throw notMade(branch, made);
  }

  /** Keeps what loses, for as long as it does lose. */
  private async keeping<T>({ branch }: Case, tips: readonly Oid[], move: () => Promise<T>): Promise<T> {
    const { repository } = this.parts;
    const before = new Set((await repository.keptTips(branch)).map(({ tip }) => tip));
    await repository.keepTips(branch, tips);
    try {
      return await move();
    } catch (error) {
      const fresh = tips.filter((tip) => !before.has(tip));
      await repository.releaseKept(branch, fresh).catch(() => undefined);
      throw error;
    }
  }

  private async move(at: Case, to: Oid, kind: MoveKind, message: string): Promise<Oid> {
    const { branch, ours, reviewed, check } = at;
    check();
    await this.moveTo({ branch, from: ours, to, kind, message, reviewed });
    return to;
  }

  private async moveTo(request: MoveRequest): Promise<void> {
    const { branch, from, to } = request;
    const result = await this.parts.repository.moveBranch({ ...request, message: `peerweave: ${request.message}` });
    if (!result.moved) throw moveFailure(branch, result.refusal);
    this.parts.moved([{ ref: branchRef(branch), from, to }]);
  }
}

/** What a person may do depends on what happened there. */
function assertFits({ branch, kind }: Case, { how, ...rest }: Resolution): void {
  const deletes = how === 'follow' && 'tip' in rest && rest.tip === null;
  if (kind === 'diverged' && how === 'follow')
    throw misfit(branch, 'went another way there, not back: merge, rebase or take a side');
  if (kind === 'deleted-there' && !deletes) throw misfit(branch, 'was deleted there: delete it here too, or leave it');
  if (kind !== 'deleted-there' && deletes) throw misfit(branch, 'was not deleted there');
}

function checkedTip({ branch, heads, ours }: Case, tip: string): Oid {
  const found = heads.find((head) => head === tip && head !== ours);
  if (found === undefined) throw misfit(branch, `has no other side at ${tip.slice(0, 10)}`);
  return found;
}

const misfit = (branch: BranchName, why: string): PeerweaveError =>
  new PeerweaveError('bad-request', `${branch} ${why}.`);

const signalOf = ({ signal }: { readonly signal?: AbortSignal | undefined }): { signal?: AbortSignal } =>
  signal === undefined ? {} : { signal };

function notMade(branch: BranchName, made: Exclude<ResolveOutcome, { outcome: 'committed' }>): PeerweaveError {
  if (made.outcome === 'unrelated') {
    return misfit(branch, 'has sides that share no history, which cannot be merged: keep both, or take one');
  }
  const what = `${made.files.length === 1 ? 'One file of' : `${made.files.length} files of`} ${branch}`;
  return new PeerweaveError('conflict-unresolved', `${what} still need a decision: ${namesOf(made.files)}.`);
}

function notReplayed({ branch }: Case, made: Exclude<ReplayOutcome, { outcome: 'replayed' }>): PeerweaveError {
  switch (made.outcome) {
    case 'unrelated':
      return misfit(branch, 'has sides that share no history: keep both, or take one');
    case 'merges':
      return new PeerweaveError(
        'conflict-unresolved',
        `Your ${made.at.slice(0, 10)} on ${branch} is a merge, which cannot be made again. Merge instead.`,
      );
    case 'conflicts':
      return new PeerweaveError(
        'conflict-unresolved',
        `Your ${made.at.slice(0, 10)} on ${branch} does not apply on top of theirs: ${namesOf(made.files)}. Merge instead.`,
      );
  }
}

const MAX_NAMES = 5;

function namesOf(files: readonly ConflictFile[]): string {
  const names = files.slice(0, MAX_NAMES).map(({ path }) => path);
  return `${names.join(', ')}${files.length > MAX_NAMES ? ` and ${files.length - MAX_NAMES} more` : ''}`;
}

function cannotCreate(name: BranchName, refusal: MoveRefusal): PeerweaveError {
  const why = refusal.kind === 'ref-moved' ? 'there is a branch of that name already' : describeRefusal(refusal);
  return new PeerweaveError('move-refused', `${name} cannot be made: ${why}. Choose another name.`);
}

function moveFailure(branch: BranchName, refusal: MoveRefusal): PeerweaveError {
  if (refusal.kind === 'ref-moved') {
    return new PeerweaveError('conflict-moved', `${branch} has just moved. Look at it again; nothing was changed.`);
  }
  return new PeerweaveError(reasonOf(refusal), sentence(`${branch} was not changed: ${describeRefusal(refusal)}`));
}
