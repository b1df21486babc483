import type { LinkHost } from '../link/link-host.ts';
import type { Listener, TransportAddress } from '../transport/transport.ts';

/**
 * The embedded rendezvous: the engine listens itself, so that nothing else is needed on one machine or a LAN. `setting` is
 * `HOST:PORT` or empty (all interfaces, a free port). `remembered` is taken again when it is free, because members know it.
 */
export async function listenForMembers(host: LinkHost, setting: string, remembered: number): Promise<Listener> {
  const match = /^(.*):(\d+)$/.exec(setting);
  const chosen = match?.[1]?.replace(/^\[|\]$/g, '') ?? '';
  const options = chosen === '' ? {} : { host: chosen };
  const port = Number(match?.[2] ?? 0);
  if (port !== 0 || remembered === 0) return host.listen({ ...options, port });
  try {
    return await host.listen({ ...options, port: remembered });
  } catch {
    return host.listen({ ...options, port: 0 });
  }
}

export const portOf = (addresses: readonly TransportAddress[]): number =>
  Number(/:(\d+)$/.exec(addresses[0]?.value ?? '')?.[1] ?? 0);
