import { networkInterfaces } from 'node:os';
import type { Disposable } from '../../shared/disposable.ts';

/** Between two looks. Node has no event for it, and a look takes well under a millisecond. */
const INTERVAL_MS = 2_000;

interface Watch {
  readonly addresses: readonly string[];
  readonly onGone: () => void;
}

const watches = new Set<Watch>();
let timer: NodeJS.Timeout | undefined;

/**
 * Calls `onGone` when this machine has none of `addresses` any more, because it changed networks: what was sent from them can neither leave nor
 * be answered, and nobody would be told. Several addresses, since which of them a path uses is not known. No timer while nobody watches.
 */
export function watchOwnAddresses(addresses: readonly string[], onGone: () => void): Disposable {
  const watch = { addresses, onGone };
  watches.add(watch);
  timer ??= setInterval(look, INTERVAL_MS).unref();
  return {
    dispose() {
      watches.delete(watch);
      if (watches.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/** The addresses that others may reach this machine by; empty on a machine without a network. */
export function externalAddresses(): string[] {
  return interfaceAddresses()
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
    .map(({ address }) => address);
}

function look(): void {
  const present = new Set(interfaceAddresses().map(({ address }) => address));
  for (const watch of [...watches]) {
    if (watch.addresses.length > 0 && !watch.addresses.some((address) => present.has(address))) watch.onGone();
  }
}

const interfaceAddresses = (): { address: string; internal: boolean }[] =>
  Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
