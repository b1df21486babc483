import { hostname, userInfo } from 'node:os';
import { settings, shareParams, type Settings } from '../../rpc/contract.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { MAX_NAME_LENGTH } from '../link/control-protocol.ts';

/** The contract's defaults with what the flags say. */
export const cliSettings = (flags: Partial<Settings>): Settings => settings.parse(flags);

/** How others see this person when `--name` is not given. */
export function defaultName(): string {
  try {
    return userInfo().username.slice(0, MAX_NAME_LENGTH);
  } catch {
    // No entry in the user database, as in some containers.
    return hostname().slice(0, MAX_NAME_LENGTH);
  }
}

/** What `--name` says, as the contract takes it. Throws `bad-request`. */
export function checkedName(name: string): string {
  const checked = shareParams.shape.name.safeParse(name);
  if (checked.success) return checked.data;
  throw new PeerweaveError('bad-request', `A name has 1 to ${MAX_NAME_LENGTH} characters. Choose another with --name.`);
}
