import { asPeerweaveError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Link } from '../link/link.ts';
import type { Repository } from '../repo/repository.ts';
import { UPLOAD_PACK_COMMANDS } from './upload-pack.ts';

/** What serving members needs of the session around it. */
export interface ServingParts {
  readonly repository: Repository;
  /** Fires when the session ends. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly nameOf: (peer: Link['peer']) => string;
}

/** Lets a member fetch from us over its link; other commands are refused. */
export function serveFetches(link: Link, { repository, signal, log, nameOf }: ServingParts): void {
  link.onExec((command, stream) => {
    const tipOnly = command === UPLOAD_PACK_COMMANDS.tip;
    if (!tipOnly && command !== UPLOAD_PACK_COMMANDS.everything) return false;
    repository.serve(stream, { signal, tipOnly }).catch((error: unknown) => {
      if (!signal.aborted) log.warn(`Serving ${nameOf(link.peer)}: ${asPeerweaveError(error).message}`);
    });
    return true;
  });
}
