import * as vscode from 'vscode';
import type { Resolution } from '../rpc/conflicts.ts';
import type { Services } from '../services.ts';
import type { ChosenConflict } from './choose-conflict.ts';
import { withReview } from './review.ts';

const SHOWN_MS = 6_000;

/**
 * Settles a conflict as the person saw it: the engine refuses when its sides have moved meanwhile, and wants files that run code reviewed.
 * `done` is said in the status bar, where it bothers nobody.
 */
export async function settle(
  { engine }: Services,
  { session, conflict }: ChosenConflict,
  resolution: Resolution,
  done: string,
): Promise<void> {
  const { branch, candidates } = conflict;
  const tips = candidates.map(({ oid }) => oid);
  const settled = await vscode.window.withProgress({ location: { viewId: 'peerweave.conflicts' } }, () =>
    withReview((reviewed) =>
      engine.request('peerweave/resolve', { repo: session.repo, branch, tips, resolution, reviewed }),
    ),
  );
  if (settled !== undefined) sayQuietly(done);
}

/** For what the person did and can see. */
export function sayQuietly(text: string): void {
  vscode.window.setStatusBarMessage(`$(check) ${text}`, SHOWN_MS);
}
