import type { Route, Tier } from '../transport/transport.ts';

/** Tiers in order of worth unless a setting says otherwise, best first. */
export const DEFAULT_TIERS: readonly Tier[] = ['tcp', 'webrtc', 'relay', 'json', 'memory'];

export const tierOf = (route: Route): Tier => (route === 'webrtc-turn' ? 'webrtc' : route);

/** The best that a tier can come to. */
export const bestRouteOf = (tier: Tier): Route => tier;

/** Lower is better. A TURN server between the two makes a route the worst of its tier; a tier that is not allowed is worse than all. */
export function worthOf(route: Route, tiers: readonly Tier[]): number {
  const rank = tiers.indexOf(tierOf(route));
  return (rank < 0 ? tiers.length : rank) + (route === 'webrtc-turn' ? 0.5 : 0);
}
