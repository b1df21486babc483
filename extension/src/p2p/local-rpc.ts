import type { Socket } from 'node:net';
import {
  createMessageConnection,
  ResponseError,
  SocketMessageReader,
  SocketMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import type { z } from 'zod';
import { requests, type RequestMethod, type RequestParams, type RequestResult } from '../rpc/contract.ts';
import { deferred } from '../shared/deferred-promise.ts';
import { asPeerweaveError, PeerweaveError, REASONS, type Reason } from '../shared/errors.ts';
import { findEngine, type RepositoryLock } from './repository-lock.ts';
import { bindRequests, type RequestHandlers } from './rpc-server.ts';

/**
 * The same contract as over LSP, on the local socket of the engine that runs a repository: what `peerweave status` and its
 * like speak. The socket is this user's alone, so the other end is as trusted as the terminal it runs in.
 */

/** Requests that make sense for a running session; a second steering end may not share or join through it. */
const LOCAL_METHODS: ReadonlySet<RequestMethod> = new Set<RequestMethod>([
  'peerweave/state',
  'peerweave/sync',
  'peerweave/leave',
  'peerweave/approve',
  'peerweave/applyPending',
  'peerweave/activity',
  'peerweave/undo',
  'peerweave/diagnostics',
  'peerweave/conflict',
  'peerweave/resolve',
  'peerweave/strategy',
  'peerweave/kept',
  'peerweave/restoreKept',
]);

export function serveLocally(lock: RepositoryLock, handlers: RequestHandlers, onLeft: (repo: string) => void): void {
  const leave = async (repo: string): Promise<void> => {
    try {
      await handlers['peerweave/leave']({ repo });
    } catch (error) {
      // Somebody else is leaving it already, and will say so.
      if (asPeerweaveError(error).reason === 'no-session') return;
    }
    onLeft(repo);
  };
  lock.serve((socket) => {
    const connection = connectionOver(socket);
    const guarded: RequestHandlers = {
      ...handlers,
      'peerweave/leave': async (params) => {
        // The answer must be out before the engine goes with its session.
        setImmediate(() => void leave(params.repo));
        return {};
      },
    };
    bindRequests(
      {
        onRequest: (method, handler) =>
          LOCAL_METHODS.has(method as RequestMethod)
            ? connection.onRequest(method, handler)
            : { dispose: () => undefined },
      },
      guarded,
    );
    connection.listen();
  });
}

/** An engine that does not answer by then has stopped, or is stuck. Syncing takes as long as the network does, moving as long as files do. */
const ANSWER_MS = 10_000;
/** The longest that a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const SLOW_METHODS: ReadonlySet<RequestMethod> = new Set<RequestMethod>([
  'peerweave/sync',
  'peerweave/applyPending',
  'peerweave/undo',
  'peerweave/conflict',
  'peerweave/resolve',
]);

/**
 * Asks the engine that runs this repository's session. Throws `no-session` when none does, `timeout` when it does not answer, what
 * the engine throws, and `engine-busy` when it ends in the middle of it.
 */
export async function askEngine<M extends RequestMethod>(
  gitDir: string,
  method: M,
  params: RequestParams<M>,
  answerMs = ANSWER_MS,
): Promise<RequestResult<M>> {
  const socket = await findEngine(gitDir);
  if (socket === undefined) {
    throw new PeerweaveError('no-session', 'No running session uses this repository. Start one with share or join.');
  }
  const connection = connectionOver(socket);
  const given = deferred<never>();
  const patience = setTimeout(
    () => given.reject(new PeerweaveError('timeout', 'The engine that runs this session does not answer.')),
    SLOW_METHODS.has(method) ? MAX_TIMER_MS : answerMs,
  );
  connection.onClose(() =>
    given.reject(new PeerweaveError('engine-busy', 'The engine that runs this session has just ended. Try again.')),
  );
  connection.onError(() => undefined);
  connection.listen();
  try {
    const answer = await Promise.race([connection.sendRequest(method, params), given.promise]);
    return requests[method].result.parse(answer) as z.output<(typeof requests)[M]['result']>;
  } catch (error) {
    throw reasonOf(error);
  } finally {
    clearTimeout(patience);
    connection.dispose();
    socket.destroy();
  }
}

function connectionOver(socket: Socket): MessageConnection {
  return createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
}

/** Turns the other end's answer back into the typed error that it was. */
function reasonOf(error: unknown): unknown {
  if (!(error instanceof ResponseError)) return error;
  const reason = (error.data as { reason?: unknown } | undefined)?.reason;
  return typeof reason === 'string' && (REASONS as readonly string[]).includes(reason)
    ? new PeerweaveError(reason as Reason, error.message)
    : error;
}
