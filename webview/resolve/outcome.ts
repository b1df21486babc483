import type { FileResolution } from '../../extension/src/rpc/conflicts.ts';
import type { SavedDraft } from '../../extension/src/views/resolve-messages.ts';
import { drafted, loadedFile, type PageState } from './page-state.ts';
import { conflictPaths, isCut, stagesOf } from './stages.ts';

/** What is to be sent on Finish; undefined while a file is open. */
export function resolutions(state: PageState): FileResolution[] | undefined {
  if (state.detail === undefined || state.offer !== undefined) return undefined;
  const all: FileResolution[] = [];
  for (const { path } of conflictPaths(state.detail)) {
    const one = resolutionOf(state, path);
    if (one === undefined) return undefined;
    all.push(one);
  }
  return all;
}

function resolutionOf(state: PageState, path: string): FileResolution | undefined {
  const { whole, ...file } = drafted(state, path);
  if (whole !== undefined) return { path, ...whole };
  const loaded = loadedFile(state, path);
  const text = loaded !== undefined && isCut(loaded) ? stagesOf(loaded, file).text : undefined;
  return text === undefined ? undefined : { path, use: 'text', text };
}

/** What the host keeps of it (CO6). */
export const savedDraft = ({ history: { present }, message }: PageState): SavedDraft => ({
  files: present.files,
  ...(message === undefined ? {} : { message }),
});
