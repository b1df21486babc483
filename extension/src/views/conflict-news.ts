import type { ConflictView, SessionView } from '../rpc/model.ts';
import { needsPeople } from '../rpc/needs-people.ts';
import { conflictKey } from './conflict-words.ts';

/** Where it is kept what was told of; the workspace's memory, so that a reload of the window tells nothing twice. */
export interface Announcements {
  get(key: string): unknown;
  update(key: string, value: readonly string[]): Thenable<void>;
}

export interface News {
  readonly session: SessionView;
  readonly conflict: ConflictView;
}

const KEY = 'peerweave.toldConflicts';
/** Of more conflicts than these nobody keeps track anyway. */
const MAX_TOLD = 200;

/**
 * Which conflicts are news: those that need people, once each. A conflict goes on while its branch is at odds, whatever is committed on
 * either side meanwhile; and the same commits are never news twice.
 */
export class ConflictNews {
  private readonly memory: Announcements;
  private ongoing = new Set<string>();

  constructor(memory: Announcements) {
    this.memory = memory;
  }

  /** What of these is to be told now; it counts as told. */
  of(sessions: readonly SessionView[]): readonly News[] {
    const all = sessions.flatMap((session) =>
      session.conflicts.filter(needsPeople).map((conflict) => ({ session, conflict })),
    );
    const told = this.told();
    const news = all.filter(
      ({ session, conflict }) =>
        !this.ongoing.has(branchOf(session, conflict)) && !told.includes(conflictKey(session.repo, conflict)),
    );
    this.ongoing = new Set(all.map(({ session, conflict }) => branchOf(session, conflict)));
    if (news.length > 0) {
      const keys = news.map(({ session, conflict }) => conflictKey(session.repo, conflict));
      void this.memory.update(KEY, [...told, ...keys].slice(-MAX_TOLD));
    }
    return news;
  }

  private told(): readonly string[] {
    const stored = this.memory.get(KEY);
    return Array.isArray(stored) ? stored.filter((key) => typeof key === 'string') : [];
  }
}

const branchOf = ({ repo }: SessionView, { branch }: ConflictView): string => `${repo}\0${branch}`;
