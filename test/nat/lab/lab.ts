import { DisposableStore, type Disposable } from '../../../extension/src/shared/disposable.ts';
import { serverAddresses, type PublicAddresses } from './addresses.ts';
import { Home } from './home.ts';
import { Internet } from './internet.ts';
import type { NatName } from './nat-kinds.ts';
import { Namespace, sweepLeftovers } from './namespace.ts';
import type { Uplink } from './uplink.ts';

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
  /** By number, which is the last part of their addresses; 0 and 1 are nobody's. */
  private readonly homes: (Home | undefined)[] = [];
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
    let number = 2;
    while (this.homes[number] !== undefined) number += 1;
    const home = new Home(this.internet, kind, number, () => (this.homes[number] = undefined));
    this.homes[number] = home;
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
    for (const home of this.homes) home?.dispose();
    this.store.dispose();
  }
}
