import { expect, it } from 'vitest';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import { Activity } from '../../../extension/src/p2p/session/activity.ts';
import type { Route } from '../../../extension/src/p2p/transport/transport.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';

const BEA = `SHA256:${'B'.repeat(43)}` as PeerId;
const linkBy = (route: Route): { route: Route } & Link => ({ route }) as { route: Route } & Link;

it('[ED3] tells a route when it is another, and nothing when ICE has found another way by the same one', () => {
  const activity = new Activity(silentLogger, () => 'bea');
  const told: unknown[] = [];
  activity.onEvent((event) => told.push(event.event === 'peer' ? [event.state, event.route] : event));
  const link = linkBy('relay');
  activity.peer(BEA, 'online', link);
  link.route = 'webrtc-turn';
  activity.peer(BEA, 'online', link);
  activity.peer(BEA, 'online', link);
  activity.peer(BEA, 'reconnecting', link);
  activity.peer(BEA, 'online', link);
  // A link made anew is news, by whatever route.
  activity.peer(BEA, 'online', linkBy('webrtc-turn'));
  expect(told).toEqual([
    ['online', 'relay'],
    ['online', 'webrtc-turn'],
    ['reconnecting', 'webrtc-turn'],
    ['online', 'webrtc-turn'],
    ['online', 'webrtc-turn'],
  ]);
});
