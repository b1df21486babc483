import type { Services } from '../services.ts';
import type { Command } from './command.ts';
import { compare } from './compare.ts';
import { abortMerge, completeMerge } from './complete-merge.ts';
import { followPeer } from './follow-peer.ts';
import { keepBoth } from './keep-both.ts';
import { keepMine } from './keep-mine.ts';
import { openMergeEditor } from './open-merge-editor.ts';
import { rebaseMine } from './rebase-mine.ts';
import { resolve } from './resolve.ts';
import { resolveWithMarkers } from './resolve-with-markers.ts';
import { restoreKept } from './restore-kept.ts';
import { setStrategy } from './set-strategy.ts';
import { takeTheirs } from './take-theirs.ts';
import { undo } from './undo.ts';

/** The commands that settle what diverged. */
export const CONFLICT_COMMANDS: Readonly<Record<string, Command>> = {
  'peerweave.resolve': { failure: 'Could not open the merge', run: resolve },
  'peerweave.rebaseMine': { failure: 'Could not rebase', run: rebaseMine },
  'peerweave.takeTheirs': { failure: 'Could not take their version', run: takeTheirs },
  'peerweave.keepMine': { failure: 'Could not keep your version', run: keepMine },
  'peerweave.keepBoth': { failure: 'Could not keep both', run: keepBoth },
  'peerweave.compare': { failure: 'Could not compare', run: compare },
  'peerweave.openMergeEditor': { failure: 'Could not open the merge editor', run: openMergeEditor },
  'peerweave.resolveWithMarkers': { failure: 'Could not begin the merge', run: resolveWithMarkers },
  'peerweave.completeMerge': { failure: 'Could not complete the merge', run: completeMerge },
  'peerweave.abortMerge': { failure: 'Could not abort the merge', run: abortMerge },
  'peerweave.followPeer': { failure: 'Could not follow', run: followPeer },
  'peerweave.setStrategy': { failure: 'Could not set the strategy', run: setStrategy },
  'peerweave.restoreKept': { failure: 'Could not restore', run: restoreKept },
  'peerweave.undo': { failure: 'Could not undo', run: undo },
  'peerweave.undoEntry': { failure: 'Could not undo', run: undo },
  'peerweave.refreshConflicts': { failure: 'Could not refresh', run: refreshConflicts },
};

/** Reads again what could not be read. */
async function refreshConflicts({ details }: Services): Promise<void> {
  details.forgetFailures();
}
