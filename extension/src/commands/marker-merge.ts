import * as vscode from 'vscode';
import type { MarkerMergeView } from '../rpc/conflicts.ts';
import type { Services } from '../services.ts';
import type { Candidate, ChosenConflict } from './choose-conflict.ts';
import { withReview } from './review.ts';

/** The merge with markers that is under way in a repository. */
export async function markerMergeIn({ engine }: Services, repo: string): Promise<MarkerMergeView | undefined> {
  const { merge } = await engine.request('peerweave/markerMerge', { repo });
  return merge ?? undefined;
}

/**
 * The merge with markers of this branch: the one that is under way, or one that is begun now, with `theirs`, in the worktree. Undefined
 * when the person did not want it after all.
 */
export async function ensureMarkerMerge(
  services: Services,
  { session, conflict }: ChosenConflict,
  theirs: Candidate,
): Promise<MarkerMergeView | undefined> {
  const { repo } = session;
  const { branch, candidates } = conflict;
  const before = await markerMergeIn(services, repo);
  if (before?.branch === branch) return before;
  const tips = candidates.map(({ oid }) => oid);
  const begun = await vscode.window.withProgress({ location: { viewId: 'peerweave.conflicts' } }, () =>
    withReview((reviewed) =>
      services.engine.request('peerweave/mergeWithMarkers', { repo, branch, tips, theirs: theirs.oid, reviewed }),
    ),
  );
  return begun === undefined ? undefined : markerMergeIn(services, repo);
}

export const fileOf = ({ root }: MarkerMergeView, path: string): vscode.Uri =>
  vscode.Uri.joinPath(vscode.Uri.file(root), path);
