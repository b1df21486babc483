import type { Connection } from 'vscode-languageserver/node';
import type { NotificationMethod, NotificationParams } from '../../rpc/contract.ts';
import type { P2PManager } from '../manager.ts';
import { quietly } from './quietly.ts';

/** Changes come in bursts (a fetch reports hundreds of times a second); a view needs no more than this many a second. */
const MIN_INTERVAL_MS = 50;

/** Sends the whole state after every change, coalesced, and each event as it happens. */
export function pushState(connection: Connection, manager: P2PManager): void {
  const notify = <M extends NotificationMethod>(method: M, params: NotificationParams<M>): void => {
    quietly(() => connection.sendNotification(method, params));
  };
  let scheduled = false;
  manager.onChange(() => {
    if (scheduled) return;
    scheduled = true;
    setTimeout(() => {
      scheduled = false;
      quietly(async () => notify('peerweave/stateChanged', await manager.state()));
    }, MIN_INTERVAL_MS);
  });
  // The invite is asked for by request; it does not travel in events, which a client may log (SE8).
  manager.onEvent((event) =>
    notify('peerweave/event', event.event === 'session' ? { ...event, invite: undefined } : event),
  );
}
