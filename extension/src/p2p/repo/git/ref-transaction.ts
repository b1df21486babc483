import { createInterface } from 'node:readline';
import type { Oid, RefName } from '../../../shared/ids.ts';
import { lockIn, GitFailure } from './git-failure.ts';
import type { Git, GitProcess } from './git.ts';

/** One ref of a transaction. `from` is what it must be now, `to` what it becomes; null is absent. */
export interface RefChange {
  readonly ref: RefName;
  readonly from: Oid | null;
  readonly to: Oid | null;
}

/** Why a transaction lost, in terms of refs. */
export type RefConflict =
  | { readonly kind: 'ref-moved' }
  | { readonly kind: 'name-conflict'; readonly with: string }
  | { readonly kind: 'locked'; readonly path: string };

/** The transaction was refused and changed nothing. */
export class RefConflictError extends GitFailure {
  readonly conflict: RefConflict;

  constructor(conflict: RefConflict, stderr: string) {
    super('update-ref', 128, stderr);
    this.conflict = conflict;
  }
}

/**
 * `git update-ref --stdin` (git-update-ref(1)). The process is started before it is needed, so that its start-up runs beside
 * other work. Between `prepare` and `commit` the refs are locked and known to have their `from` value. When we die, git sees
 * the end of its input and lets the locks go.
 */
export class RefTransaction {
  private readonly process: GitProcess;
  private readonly answers: AsyncIterator<string>;
  private open = false;

  constructor(git: Git, gitDir: string, message: string) {
    // The reflog message is one line; git would fold others anyway.
    const reason = message.replace(/\s+/g, ' ');
    this.process = git.start(['update-ref', '-m', reason, '--no-deref', '--stdin'], {
      gitDir,
      write: true,
    });
    this.answers = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number | undefined {
    return this.process.child.pid;
  }

  /** Locks and verifies. Throws `RefConflictError`. */
  async prepare(changes: readonly RefChange[]): Promise<void> {
    this.open = true;
    await this.say(['start', ...changes.map(instruction), 'prepare'], 2);
  }

  async commit(): Promise<void> {
    await this.say(['commit'], 1);
    this.open = false;
  }

  /** Applies changes at once. May be called again for a further transaction. Throws `RefConflictError`. */
  async apply(changes: readonly RefChange[]): Promise<void> {
    if (changes.length === 0) return;
    await this.prepare(changes);
    await this.commit();
  }

  /** Ends the process. A transaction that is not committed is undone, and then this waits until its locks are gone. */
  async close(): Promise<void> {
    this.process.stdin.end();
    if (this.open) await this.process.exit;
  }

  private async say(lines: readonly string[], answers: number): Promise<void> {
    this.process.stdin.write(`${lines.join('\n')}\n`);
    for (let left = answers; left > 0; left -= 1) {
      const answer = await this.answers.next();
      if (answer.done !== true && answer.value.endsWith(': ok')) continue;
      const code = await this.process.exit;
      throw conflictIn(this.process.stderr()) ?? new GitFailure('update-ref', code, this.process.stderr());
    }
  }
}

function instruction({ ref, from, to }: RefChange): string {
  if (to === null) return from === null ? `verify ${ref}` : `delete ${ref} ${from}`;
  return from === null ? `create ${ref} ${to}` : `update ${ref} ${to} ${from}`;
}

function conflictIn(stderr: string): RefConflictError | undefined {
  const lock = lockIn(stderr);
  if (lock !== undefined) return new RefConflictError({ kind: 'locked', path: lock }, stderr);
  const name = /'([^']+)' exists; cannot create|there are still (?:refs|logs) under '([^']+)'/.exec(stderr);
  if (name) return new RefConflictError({ kind: 'name-conflict', with: name[1] ?? name[2] ?? '' }, stderr);
  if (/but expected|already exists|unable to resolve reference|is missing/.test(stderr)) {
    return new RefConflictError({ kind: 'ref-moved' }, stderr);
  }
  return undefined;
}
