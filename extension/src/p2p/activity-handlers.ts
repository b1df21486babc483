import type { activityRequests } from '../rpc/conflicts.ts';
import type { P2PManager } from './manager.ts';
import type { RequestHandlers } from './rpc-server.ts';

/** The answers to requests about what was moved. */
export function activityHandlers(manager: P2PManager): Pick<RequestHandlers, keyof typeof activityRequests> {
  return {
    'peerweave/activity': async ({ repo, limit }) => ({
      entries: await manager.session(repo).desks.history.entries(limit),
    }),
    'peerweave/undo': async ({ repo, id }) => ({ undone: await manager.session(repo).desks.history.undo(id) }),
  };
}
