import type { Services } from '../services.ts';
import { chooseConflict } from './choose-conflict.ts';

/** *Merge…*: opens the page on which a branch is merged; the page's host asks first when somebody else is at it (D8). */
export async function resolve(services: Services, argument: unknown): Promise<void> {
  const chosen = await chooseConflict(services.model, argument);
  if (chosen === undefined) return;
  await services.resolve.show({ repo: chosen.session.repo, branch: chosen.conflict.branch });
}
