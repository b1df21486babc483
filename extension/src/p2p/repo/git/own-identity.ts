import type { Author } from '../resolution.ts';
import type { Git, RunOptions } from './git.ts';

/**
 * Who commits here, as git writes it: `Ada <ada@example.org> 1700000000 +0100`. By `user.name` and `user.email`; what is not set is made
 * up of the name in the session, and an address that is nobody's (RFC 2606). Git's own guess would give away the machine's name.
 */
export async function ownStamp(git: Git, gitDir: string, { fallbackName, now }: Author): Promise<string> {
  const [name, email] = await Promise.all(['user.name', 'user.email'].map((key) => configured(git, gitDir, key)));
  const who = clean(name ?? '') || clean(fallbackName) || 'Somebody';
  const address = clean(email ?? '').replaceAll(/\s/g, '') || addressOf(who);
  return `${who} <${address}> ${Math.floor(now / 1000)} ${timeZone(new Date(now).getTimezoneOffset())}`;
}

/**
 * Configuration for a commit that git itself makes: what the user has not said of who they are, made up in the same way. Empty where they
 * have said it, in the configuration or the environment.
 */
export async function standIn(git: Git, options: RunOptions, fallbackName: string): Promise<string[]> {
  const config = ['user.useConfigOnly=true'];
  const { code } = await git.run(['var', 'GIT_COMMITTER_IDENT'], { ...options, config, answers: [0, 1, 128] });
  if (code === 0) return [];
  const answers = [0, 1, 2];
  const name = (await git.run(['config', '--get', 'user.name'], { ...options, answers })).stdout.trim();
  const email = (await git.run(['config', '--get', 'user.email'], { ...options, answers })).stdout.trim();
  const who = clean(name) || clean(fallbackName) || 'Somebody';
  return [`user.name=${who}`, `user.email=${email === '' ? addressOf(who) : email}`];
}

async function configured(git: Git, gitDir: string, key: string): Promise<string | undefined> {
  const { code, stdout } = await git.run(['config', '--get', key], { gitDir, answers: [0, 1, 2] });
  return code === 0 ? stdout : undefined;
}

const addressOf = (who: string): string => `${who.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}@peerweave.invalid`;

/** Without what would end a name or an address, as git's own ident.c strips it. */
const clean = (text: string): string => text.replaceAll(/[\p{Cc}<>]/gu, '').trim();

/** `+0530` for what `Date.getTimezoneOffset` says: minutes west of Greenwich. */
function timeZone(minutesWest: number): string {
  const minutes = Math.abs(minutesWest);
  const digits = Math.floor(minutes / 60) * 100 + (minutes % 60);
  return `${minutesWest > 0 ? '-' : '+'}${String(digits).padStart(4, '0')}`;
}
