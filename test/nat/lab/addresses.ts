/**
 * Who has which address. All are reserved for documentation (RFC 5737, RFC 3849), private (RFC 1918) or a carrier's (RFC 6598).
 */

/** The internet's side of every uplink. */
export const GATEWAY = { v4: '203.0.113.1', v6: '2001:db8::1' } as const;

/** Public addresses of one end; several of a family make a host with several addresses. */
export interface PublicAddresses {
  readonly v4?: readonly string[];
  readonly v6?: readonly string[];
  /** A network behind the first of `v6`. */
  readonly v6Network?: string;
}

/** A network between a router (`.1`) and the one machine behind it; `inner` and `outer` without prefix lengths. */
export interface PrivateNetwork {
  readonly inner: string;
  readonly outer: string;
  readonly prefix: number;
}

export const serverAddresses = (host: number): { v4: [string]; v6: [string] } => ({
  v4: [`203.0.113.${host}`],
  v6: [`2001:db8:0:1::${host}`],
});

/** A home's public addresses. Each has two sets, so that it can move from one to the other. */
export function homeAddresses(home: number, move: number, families: readonly Family[]): PublicAddresses {
  const second = move % 2 === 1;
  return {
    ...(families.includes('v4') && { v4: [`${second ? '192.0.2' : '198.51.100'}.${home}`] }),
    ...(families.includes('v6') && {
      v6: [`2001:db8:${second ? 2 : 1}:${home}::1`],
      v6Network: homeNetwork6(home, move),
    }),
  };
}

export type Family = 'v4' | 'v6';

const homeNetwork6 = (home: number, move: number): string => `2001:db8:${move % 2 === 1 ? 4 : 3}:${home}::/64`;

/** What a machine behind a router of protocol version 6 has: public, and passed on untranslated. */
export function publicLan(home: number, move: number): PrivateNetwork {
  const network = homeNetwork6(home, move).replace('/64', '');
  return { inner: `${network}20`, outer: `${network}1`, prefix: 64 };
}

/** The same in all homes, as in life: the other end's private address is one's own. */
export function privateLan(move: number): PrivateNetwork {
  const network = `192.168.${1 + (move % 2)}`;
  return { inner: `${network}.20`, outer: `${network}.1`, prefix: 24 };
}

/** Between a home's router and its carrier's. */
export const CARRIER_LAN: PrivateNetwork = { inner: '100.64.0.20', outer: '100.64.0.1', prefix: 24 };
