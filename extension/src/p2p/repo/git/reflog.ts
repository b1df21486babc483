import type { Oid, RefName } from '../../../shared/ids.ts';
import type { Git } from './git.ts';

/** How far back a move is looked for: what a user did between a crash and the next opening. */
const MAX_LOOKED_AT = 1_000;

/** True when the ref's reflog has a move to this commit under this message, not before `since` (Unix milliseconds). */
export async function reflogTells(
  { git, gitDir }: { readonly git: Git; readonly gitDir: string },
  ref: RefName,
  move: { readonly to: Oid; readonly message: string; readonly since: number },
): Promise<boolean> {
  const format = ['--no-show-signature', '--date=unix', '--format=%H %gD %gs'];
  const { stdout } = await git.run(['log', '-g', '-n', String(MAX_LOOKED_AT), ...format, ref, '--'], {
    gitDir,
    // A branch that is not there, or has no reflog, tells nothing.
    answers: [0, 128],
  });
  const message = move.message.replace(/\s+/g, ' ').trim();
  return stdout.split('\n').some((line) => {
    const [, to, time = '', said] = /^([0-9a-f]+) \S*@\{([0-9]{1,15})\} ?(.*)$/.exec(line) ?? [];
    // The reflog counts in whole seconds.
    return to === move.to && said === message && Number(time) >= Math.floor(move.since / 1000);
  });
}
