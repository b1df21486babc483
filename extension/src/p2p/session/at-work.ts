import type { BranchName, PeerId } from '../../shared/ids.ts';
import type { Link } from '../link/link.ts';

/** Branches that a member may be at: more than anybody has windows for. What it says beyond that is not shown. */
const MAX_BRANCHES = 32;

/** What is needed of the session around it. */
export interface AtWorkParts {
  readonly links: () => Iterable<Link>;
  readonly nameOf: (peer: PeerId) => string;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** What `others` says has changed. */
  readonly changed: () => void;
}

/**
 * Who is settling what now (D8). A courtesy: others are told while it lasts, and it holds nobody up. What a member says is forgotten with
 * its link, so that nobody who crashed seems to be at it for ever.
 */
export class AtWork {
  private readonly parts: AtWorkParts;
  private readonly mine = new Set<BranchName>();
  private readonly theirs = new Map<PeerId, Map<BranchName, number>>();

  constructor(parts: AtWorkParts) {
    this.parts = parts;
  }

  /** Members that are at this branch, and since when by our clock. */
  others(branch: BranchName): { name: string; since: number }[] {
    return [...this.theirs].flatMap(([peer, branches]) => {
      const since = branches.get(branch);
      return since === undefined ? [] : [{ name: this.parts.nameOf(peer), since }];
    });
  }

  /** Somebody here is at it, or is not any more: everybody who is linked is told. */
  set(branch: BranchName, active: boolean): void {
    if (active === this.mine.has(branch)) return;
    if (active) this.mine.add(branch);
    else this.mine.delete(branch);
    for (const link of this.parts.links()) link.control.notify('resolving', { branch, active });
  }

  /** Ends what was begun on branches that have nothing to settle any more, as `unsettled` finds them. */
  keepOnly(unsettled: () => ReadonlySet<BranchName>): void {
    if (this.mine.size === 0) return;
    const stay = unsettled();
    for (const branch of this.mine) if (!stay.has(branch)) this.set(branch, false);
  }

  /** Listens to what a member says of itself. */
  listenTo({ peer, control }: Link): void {
    control.handleNotification('resolving', ({ branch, active }) => this.hear(peer, branch, active));
  }

  /** Tells a member that was just linked. */
  greet({ control }: Link): void {
    for (const branch of this.mine) control.notify('resolving', { branch, active: true });
  }

  forget(peer: PeerId): void {
    if (this.theirs.delete(peer)) this.parts.changed();
  }

  private hear(peer: PeerId, branch: BranchName, active: boolean): void {
    const branches = this.theirs.get(peer) ?? new Map<BranchName, number>();
    if (branches.has(branch) === active || (active && branches.size >= MAX_BRANCHES)) return;
    if (active) branches.set(branch, this.parts.now());
    else branches.delete(branch);
    this.theirs.set(peer, branches);
    this.parts.changed();
  }
}
