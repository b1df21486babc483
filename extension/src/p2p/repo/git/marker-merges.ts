import type { Oid } from '../../../shared/ids.ts';
import type {
  CompleteMerge,
  MarkerFile,
  MarkerMerge,
  MarkerMergeRequest,
  MarkerMergeResult,
  MarkerMerges,
} from '../marker-merge.ts';
import type { ActivityLog } from './activity-log.ts';
import { beginMarkerMerge } from './begin-marker-merge.ts';
import { abortMarkerMerge, completeMarkerMerge } from './end-marker-merge.ts';
import type { RepositoryTraits } from './inspect.ts';
import { findMarkerFiles, findMarkerMerge, type MarkerMergeContext } from './marker-merge-state.ts';
import type { Mutex } from './mutex.ts';

/** `MarkerMerges` on the system's git. */
export class GitMarkerMerges implements MarkerMerges {
  private readonly context: MarkerMergeContext & { readonly traits: RepositoryTraits; readonly activity: ActivityLog };
  private readonly mutex: Mutex;
  private readonly closed: AbortSignal;

  /** `mutex` is the repository's: files are not merged while a sync moves a branch with them. `closed` fires when it is closed. */
  constructor(context: GitMarkerMerges['context'], mutex: Mutex, closed: AbortSignal) {
    this.context = context;
    this.mutex = mutex;
    this.closed = closed;
  }

  begin(request: MarkerMergeRequest): Promise<MarkerMergeResult> {
    const bounded = { ...request, signal: this.until(request.signal) };
    return this.mutex.run('move', () => beginMarkerMerge(this.context, bounded));
  }

  async current(): Promise<MarkerMerge | undefined> {
    const found = await findMarkerMerge(this.context);
    if (found === undefined) return undefined;
    const { root, branch, ours, theirs, label } = found;
    return { root, branch, ours, theirs, label };
  }

  async files({ root, theirs }: MarkerMerge): Promise<MarkerFile[]> {
    const found = await findMarkerMerge(this.context);
    if (found?.root !== root || found.theirs !== theirs) return [];
    return (await findMarkerFiles(this.context.git, found)).map(({ path, state }) => ({ path, state }));
  }

  /** Not in turn with moves: a hook may take minutes, and a branch with a merge in progress does not move anyway. */
  complete({ signal, ...request }: CompleteMerge): Promise<Oid> {
    const options = { ...request, signal: this.until(signal) };
    return this.mutex.run('end merge', () => completeMarkerMerge(this.context, options));
  }

  abort(): Promise<void> {
    return this.mutex.run('end merge', () => this.mutex.run('move', () => abortMarkerMerge(this.context)));
  }

  private until(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.closed : AbortSignal.any([signal, this.closed]);
  }
}
