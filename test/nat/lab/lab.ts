import { DisposableStore, type Disposable } from '../../../extension/src/shared/disposable.ts';
import { serverAddresses, type PublicAddresses } from './addresses.ts';
import { Home } from './home.ts';
import { Internet } from './internet.ts';
import type { NatName } from './nat-kinds.ts';
import { Namespace, sweepLeftovers } from './namespace.ts';
import type { Uplink } from './uplink.ts';

/** Of homes; 0 and 1 are nobody's. */
const FIRST_NUMBER = 2;
const LAST_NUMBER = 254;

/** A server's machine on the public internet. */
export interface Host {
  readonly namespace: Namespace;
  readonly uplink: Uplink;
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

/**
 * A small internet with servers and homes on it. Servers have names that everybody can look up. Whatever was built goes with
 * `dispose`, also when the process ends without it; what a killed process leaves is swept by the next laboratory.
 */
export class Lab implements Disposable {
  readonly internet: Internet;
  private readonly store = new DisposableStore();
  private readonly names = new Map<string, readonly string[]>();
  /** By number, which is the last part of their addresses. */
  private readonly homes = new Map<number, Home>();
  private lastNumber = LAST_NUMBER;
  private hosts = 0;
  private readonly atExit = (): void => this.dispose();

  constructor() {
    sweepLeftovers();
    this.internet = this.store.add(new Internet());
    process.once('exit', this.atExit);
  }

  /** A machine with one address of each family for every name. */
  host(label: string, ...names: readonly string[]): Host {
    const namespace = this.store.add(new Namespace(label));
    const each = names.map((name) => {
      this.hosts += 1;
      const { v4, v6 } = serverAddresses(9 + this.hosts);
      this.names.set(name, [...v4, ...v6]);
      return { v4: v4[0], v6: v6[0] };
    });
    const addresses = { v4: each.map(({ v4 }) => v4), v6: each.map(({ v6 }) => v6) } satisfies PublicAddresses;
    return { namespace, uplink: this.internet.connect(namespace, addresses), ...addresses };
  }

  /** Somebody's home, who can look up the hosts that are there by now. Disposing it makes room for another. */
  home(kind: NatName): Home {
    const number = this.freeNumber();
    const home = new Home(this.internet, kind, number, () => this.homes.delete(number));
    this.homes.set(number, home);
    home.peer.hosts(this.hostsFile());
    return home;
  }

  /** In the form of hosts(5). */
  hostsFile(): string {
    const named = [...this.names].flatMap(([name, addresses]) => addresses.map((address) => `${address} ${name}`));
    return `${['127.0.0.1 localhost', '::1 localhost', ...named].join('\n')}\n`;
  }

  dispose(): void {
    process.off('exit', this.atExit);
    for (const home of this.homes.values()) home.dispose();
    this.store.dispose();
  }

  /**
   * The one that has been free for longest: connections of a home that vanished are counted at the signaling server as its address's until
   * they miss a ping, and a neighbour who moved in meanwhile would have too many.
   */
  private freeNumber(): number {
    do this.lastNumber = this.lastNumber === LAST_NUMBER ? FIRST_NUMBER : this.lastNumber + 1;
    while (this.homes.has(this.lastNumber));
    return this.lastNumber;
  }
}
