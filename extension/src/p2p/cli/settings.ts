import { settings, type Settings } from '../../rpc/contract.ts';
import { hostname, userInfo } from 'node:os';
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
