import type { Services } from '../services.ts';
import { isLive } from '../views/view-state.ts';
import { chooseSession } from './choose.ts';

/** Opens the session map: who is linked with us, and by which route. */
export async function showMap({ model, map }: Services, argument: unknown): Promise<void> {
  const session = await chooseSession(model, argument, isLive);
  if (session !== undefined) map.show(session.repo);
}
