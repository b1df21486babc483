import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';

const ROUTES = '/proc/net/route';
const DEFAULT_DESTINATION = '00000000';
const NO_GATEWAY = '00000000';

/**
 * IPv4 addresses where the router of this network may be, likeliest first: what Linux says, and elsewhere the first address of each
 * network, where home routers nearly always are. Asking a wrong one costs a packet.
 */
export async function likelyGateways(): Promise<string[]> {
  const known = parseRoutes(await readFile(ROUTES, 'latin1').catch(() => ''));
  return known.length > 0 ? known : guesses();
}

/** The gateways of `/proc/net/route`, which has addresses in hexadecimal, their bytes reversed. */
export function parseRoutes(table: string): string[] {
  return table
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([, destination, gateway]) => destination === DEFAULT_DESTINATION && gateway !== NO_GATEWAY)
    .map(([, , gateway = '']) => [...Buffer.from(gateway, 'hex')].reverse().join('.'))
    .filter((address, index, all) => all.indexOf(address) === index);
}

function guesses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address.replace(/\d+$/, '1'));
}
