import { PeerweaveError } from '../../shared/errors.ts';
import type { LinkHost } from '../link/link-host.ts';
import type { Listener, TransportAddress } from '../transport/transport.ts';

const MAX_PORT = 65_535;

/**
 * The embedded rendezvous: the engine listens itself, so that nothing else is needed on one machine or a LAN. `setting` is
 * `HOST:PORT` or empty (all interfaces, a free port). `remembered` is taken again when it is free, because members know it.
 * Throws `bad-request` for a setting of another form (it must not end up on all interfaces), and `unreachable`.
 */
export async function listenForMembers(host: LinkHost, setting: string, remembered: number): Promise<Listener> {
  const { host: chosen, port } = parseSetting(setting);
  const options = chosen === '' ? {} : { host: chosen };
  if (port !== 0 || remembered === 0) return host.listen({ ...options, port });
  try {
    return await host.listen({ ...options, port: remembered });
  } catch {
    return host.listen({ ...options, port: 0 });
  }
}

function parseSetting(setting: string): { host: string; port: number } {
  if (setting === '') return { host: '', port: 0 };
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]*)):(\d{1,5})$/.exec(setting) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host !== undefined && port <= MAX_PORT) return { host, port };
  throw new PeerweaveError(
    'bad-request',
    `"${setting}" is not where one can listen. Write HOST:PORT, such as 127.0.0.1:0 or [::1]:4711.`,
  );
}

export const portOf = (addresses: readonly TransportAddress[]): number =>
  Number(/:(\d+)$/.exec(addresses[0]?.value ?? '')?.[1] ?? 0);
