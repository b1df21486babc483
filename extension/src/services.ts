import type { LogOutputChannel } from 'vscode';
import type { EngineClient } from './engineClient.ts';
import type { ConflictDetails } from './views/conflict-details.ts';
import type { MeshPanels } from './views/mesh-panel.ts';
import type { ResolvePanels } from './views/resolve-panel.ts';
import type { SessionModel } from './views/session-model.ts';

/** What commands and long-lived listeners work with; made once, in `activate`. */
export interface Services {
  readonly engine: EngineClient;
  readonly model: SessionModel;
  readonly map: MeshPanels;
  readonly resolve: ResolvePanels;
  /** Conflicts in full, as far as somebody looked. */
  readonly details: ConflictDetails;
  readonly log: LogOutputChannel;
}
