import type { Socket } from 'node:net';
import {
  createMessageConnection,
  ResponseError,
  SocketMessageReader,
  SocketMessageWriter,
  type MessageConnection,
} from 'vscode-languageserver/node';
import type { z } from 'zod';
import { requests, type RequestMethod, type RequestParams, type RequestResult } from '../rpc/contract.ts';
import { PeerweaveError, REASONS, type Reason } from '../shared/errors.ts';
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
  'peerweave/diagnostics',
]);

export function serveLocally(lock: RepositoryLock, handlers: RequestHandlers, onLeft: (repo: string) => void): void {
  lock.serve((socket) => {
    const connection = connectionOver(socket);
    const guarded: RequestHandlers = {
      ...handlers,
      'peerweave/leave': async (params) => {
        // The answer must be out before the engine goes with its session.
        setImmediate(() => {
          void handlers['peerweave/leave'](params).finally(() => onLeft(params.repo));
        });
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

/** Asks the engine that runs this repository's session. Throws `no-session` when none does. */
export async function askEngine<M extends RequestMethod>(
  gitDir: string,
  method: M,
  params: RequestParams<M>,
): Promise<RequestResult<M>> {
  const socket = await findEngine(gitDir);
  if (socket === undefined) {
    throw new PeerweaveError('no-session', 'No running session uses this repository. Start one with share or join.');
  }
  const connection = connectionOver(socket);
  connection.listen();
  try {
    return requests[method].result.parse(await connection.sendRequest(method, params)) as z.output<
      (typeof requests)[M]['result']
    >;
  } catch (error) {
    throw reasonOf(error);
  } finally {
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
