import type { Author } from '../resolution.ts';
import type { Git } from './git.ts';

/**
 * Who commits here, as git writes it: `Ada <ada@example.org> 1700000000 +0100`. By `user.name` and `user.email`; what is not set is made
 * up of the name in the session, and an address that is nobody's (RFC 2606). Git's own guess would give away the machine's name.
 */
export async function ownStamp(git: Git, gitDir: string, { fallbackName, now }: Author): Promise<string> {
  const [name, email] = await Promise.all(['user.name', 'user.email'].map((key) => configured(git, gitDir, key)));
  const who = clean(name ?? '') || clean(fallbackName) || 'Somebody';
  const address =
    clean(email ?? '').replaceAll(/\s/g, '') || `${who.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}@peerweave.invalid`;
  return `${who} <${address}> ${Math.floor(now / 1000)} ${timeZone(new Date(now).getTimezoneOffset())}`;
}

async function configured(git: Git, gitDir: string, key: string): Promise<string | undefined> {
  const { code, stdout } = await git.run(['config', '--get', key], { gitDir, answers: [0, 1, 2] });
  return code === 0 ? stdout : undefined;
}

/** Without what would end a name or an address, as git's own ident.c strips it. */
const clean = (text: string): string => text.replaceAll(/[\p{Cc}<>]/gu, '').trim();

/** `+0530` for what `Date.getTimezoneOffset` says: minutes west of Greenwich. */
function timeZone(minutesWest: number): string {
  const minutes = Math.abs(minutesWest);
  const digits = Math.floor(minutes / 60) * 100 + (minutes % 60);
  return `${minutesWest > 0 ? '-' : '+'}${String(digits).padStart(4, '0')}`;
}
