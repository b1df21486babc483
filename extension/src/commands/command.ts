import type { Services } from '../services.ts';

export interface Command {
  /** Begins the message when it fails: `Could not share: …`. */
  readonly failure: string;
  /** Resolves to nothing: commands give no secret away to whoever executes them (SE8). */
  readonly run: (services: Services, argument: unknown) => Promise<void>;
}
