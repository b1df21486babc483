import { ResponseError } from 'vscode-jsonrpc/node';
import type { z } from 'zod';
import { requests, type RequestMethod, type RequestResult } from '../rpc/contract.ts';
import type { Disposable } from '../shared/disposable.ts';
import { asPeerweaveError, PeerweaveError } from '../shared/errors.ts';
import type { BranchName } from '../shared/ids.ts';
import { activityHandlers } from './activity-handlers.ts';
import { conflictHandlers } from './conflict-handlers.ts';
import { diagnosticsText } from './diagnostics.ts';
import type { P2PManager } from './manager.ts';
import { markerHandlers } from './marker-handlers.ts';
import { inviteLink } from './session/invite.ts';

/** One handler for each method of the contract, with decoded parameters. */
export type RequestHandlers = {
  readonly [M in RequestMethod]: (params: z.output<(typeof requests)[M]['params']>) => Promise<RequestResult<M>>;
};

/** The manager's answers to the contract. */
export function requestHandlers(manager: P2PManager): RequestHandlers {
  return {
    'peerweave/configure': async ({ identity }) => {
      const configured = await manager.configure(identity);
      return { fingerprint: configured.peer, ...(identity === undefined ? { created: configured.pem } : {}) };
    },
    'peerweave/settings': ({ settings }) => {
      manager.applySettings(settings);
      return Promise.resolve({});
    },
    'peerweave/inspectFolder': ({ directory }) => manager.inspectFolder(directory),
    'peerweave/initRepository': async ({ directory }) => {
      await manager.initRepository(directory);
      return {};
    },
    'peerweave/share': async ({ repo, name, settings, uriScheme }) => {
      const { session, code } = await manager.share(repo, name, settings);
      return { session: session.view(), invite: inviteLink(code, uriScheme) };
    },
    'peerweave/inspectInvite': async ({ invite }) => manager.inspectInvite(invite),
    'peerweave/join': async ({ settings, ...request }) => {
      const { usable } = await manager.join(request, settings);
      await usable;
      return {};
    },
    'peerweave/cancelJoin': async ({ directory }) => {
      manager.cancelJoin(directory);
      return {};
    },
    'peerweave/resume': async ({ repo, settings }) => {
      await manager.resume(repo, settings);
      return {};
    },
    'peerweave/suspend': async ({ repo }) => {
      await manager.suspend(repo);
      return {};
    },
    'peerweave/leave': async ({ repo }) => {
      await manager.leave(repo);
      return {};
    },
    'peerweave/invite': async ({ repo, uriScheme }) => {
      const { code, expiresAt } = await manager.session(repo).invite();
      return { invite: inviteLink(code, uriScheme), expiresAt };
    },
    'peerweave/approve': async ({ repo, id, decision }) => {
      manager.session(repo).decide(id, decision);
      return {};
    },
    'peerweave/sync': async ({ repo }) => {
      const session = manager.session(repo);
      await session.sync();
      return { session: session.view() };
    },
    'peerweave/applyPending': async ({ repo, branch }) => {
      await manager.session(repo).applyPending(branch as BranchName);
      return {};
    },
    'peerweave/state': () => manager.state(),
    'peerweave/diagnostics': async () => ({ text: diagnosticsText(await manager.state()) }),
    ...conflictHandlers(manager),
    ...markerHandlers(manager),
    ...activityHandlers(manager),
  };
}

/** Any JSON-RPC connection of the vscode family: the language server's, or one over the local socket. */
export interface RequestConnection {
  onRequest(method: string, handler: (params: unknown) => Promise<unknown>): Disposable;
}

/** JSON-RPC error code of every error that carries a `reason` in its data. */
export const REASON_ERROR_CODE = -32_000;

/** Decodes, handles and answers every method; a bad parameter is answered with `bad-request`, never thrown. */
export function bindRequests(connection: RequestConnection, handlers: RequestHandlers): void {
  for (const method of Object.keys(requests) as RequestMethod[]) {
    connection.onRequest(method, async (params) => answer(method, params, handlers));
  }
}

async function answer(method: RequestMethod, params: unknown, handlers: RequestHandlers): Promise<unknown> {
  try {
    const decoded = requests[method].params.safeParse(params);
    if (!decoded.success) {
      const issue = decoded.error.issues[0];
      throw new PeerweaveError(
        'bad-request',
        `${method}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not valid'}`,
      );
    }
    // One table holds both the schema and the handler of a method, so what the one decoded is what the other takes.
    return await handlers[method](decoded.data as never);
  } catch (error) {
    const failure = asPeerweaveError(error);
    return new ResponseError(REASON_ERROR_CODE, failure.message, { reason: failure.reason });
  }
}
