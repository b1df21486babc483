import * as vscode from 'vscode';
import { showFailure } from '../failure.ts';
import type { Services } from '../services.ts';
import { DisposableStore, type Disposable } from '../shared/disposable.ts';
import { decideRow } from './approve.ts';
import type { Command } from './command.ts';
import { CONFLICT_COMMANDS } from './conflict-commands.ts';
import { copyInvite } from './copy-invite.ts';
import { join } from './join.ts';
import { leave } from './leave.ts';
import { share } from './share.ts';
import { showMap } from './show-map.ts';
import { showMenu } from './show-menu.ts';
import {
  applyPending,
  cancelJoin,
  copyDiagnostics,
  copyFingerprint,
  restartEngine,
  showLog,
  syncNow,
} from './small-commands.ts';
import { takeBlock } from './take-block.ts';

/** Every command, under the id that package.json contributes it with. */
const COMMANDS: Readonly<Record<string, Command>> = {
  'peerweave.share': { failure: 'Could not share', run: share },
  'peerweave.join': { failure: 'Could not join', run: (services) => join(services) },
  'peerweave.leave': { failure: 'Could not leave', run: leave },
  'peerweave.copyInvite': { failure: 'Could not copy the invite', run: copyInvite },
  'peerweave.syncNow': { failure: 'Could not sync', run: syncNow },
  'peerweave.cancelJoin': { failure: 'Could not cancel', run: cancelJoin },
  'peerweave.allow': { failure: 'Could not let the guest in', run: decideRow('allow') },
  'peerweave.allowAndRemember': { failure: 'Could not let the guest in', run: decideRow('remember') },
  'peerweave.refuse': { failure: 'Could not refuse', run: decideRow('refuse') },
  'peerweave.applyPending': { failure: 'Could not apply the update', run: applyPending },
  'peerweave.copyFingerprint': { failure: 'Could not copy', run: copyFingerprint },
  'peerweave.copyDiagnostics': { failure: 'Could not copy the diagnostics', run: copyDiagnostics },
  'peerweave.restartEngine': { failure: 'Could not restart', run: restartEngine },
  'peerweave.showLog': { failure: 'Could not show the log', run: showLog },
  'peerweave.showMap': { failure: 'Could not show the map', run: showMap },
  'peerweave.showMenu': { failure: 'Could not show the menu', run: showMenu },
  ...CONFLICT_COMMANDS,
  // Not contributed: only lenses run it, and it is nothing without what they pass.
  'peerweave.takeBlock': { failure: 'Could not decide the conflict', run: takeBlock },
};

/** Registers every command; a failure is shown once, where it happened, and never reaches the caller as text. */
export function registerCommands(services: Services): Disposable {
  const store = new DisposableStore();
  for (const [id, { failure, run }] of Object.entries(COMMANDS)) {
    const handler = async (argument: unknown): Promise<void> => {
      try {
        await run(services, argument);
      } catch (error) {
        // Not awaited: the command has failed already, the notification may stay for long.
        void showFailure(services.log, failure, error);
      }
    };
    store.add(vscode.commands.registerCommand(id, handler));
  }
  return store;
}
