import { disposable, DisposableStore, type Disposable } from '../../../extension/src/shared/disposable.ts';
import { CARRIER_LAN, homeAddresses, privateLan, publicLan, type Family, type PrivateNetwork } from './addresses.ts';
import type { Internet } from './internet.ts';
import { NAT_KINDS, type NatKind, type NatName } from './nat-kinds.ts';
import { Namespace } from './namespace.ts';
import { routerRuleset } from './router-rules.ts';
import type { Uplink } from './uplink.ts';

/** A peer's machine, the routers before it and the uplink: one place from which somebody takes part. */
export class Home implements Disposable {
  readonly name: NatName;
  readonly peer: Namespace;
  /** The outermost cable, which the weather befalls. */
  readonly uplink: Uplink;
  private readonly kind: NatKind;
  private readonly number: number;
  /** From the machine outwards. */
  private readonly routers: readonly Namespace[];
  private readonly store = new DisposableStore();
  private moves = 0;

  /** `number` is 2 to 254, and each home's own until `onDisposed`. */
  constructor(internet: Internet, name: NatName, number: number, onDisposed: () => void) {
    this.store.add(disposable(onDisposed));
    this.name = name;
    this.kind = NAT_KINDS[name];
    this.number = number;
    this.peer = this.store.add(new Namespace(`${number}-${name}`));
    let outermost = this.peer;
    this.routers = this.kind.routers.map((_, index) => (outermost = this.addRouter(`router${index}`, outermost)));
    this.uplink = this.store.add(internet.connect(outermost, this.publicAddresses()));
    this.settle();
  }

  /** What servers see; defined for a family that the home has. */
  publicAddress(family: Family): string {
    return this.kind.routers.length > 0 && family === 'v6' ? this.lan(0).inner : this.uplink.addresses[family]![0]!;
  }

  /** The machine's own address, public or private. */
  localAddress(family: Family): string {
    return this.routers.length === 0 ? this.publicAddress(family) : this.lan(0).inner;
  }

  /** The machine is carried into another network: another address of its own, and another public one. */
  changeAddress(): void {
    this.moves += 1;
    this.uplink.move(this.publicAddresses());
    this.settle();
  }

  dispose(): void {
    this.store.dispose();
  }

  private addRouter(label: string, inside: Namespace): Namespace {
    const router = this.store.add(new Namespace(`${this.number}-${label}`));
    router.sysctl({ 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 });
    router.ip(`link add lan type veth peer name wan netns ${inside.name}`, 'link set lan up');
    inside.ip('link set wan up');
    return router;
  }

  /** Gives addresses and rules to everything between the machine and the uplink. */
  private settle(): void {
    this.routers.forEach((router, index) => {
      const inside = this.routers[index - 1] ?? this.peer;
      const { inner, outer, prefix } = this.lan(index);
      router.ip('address flush dev lan scope global', `address add ${outer}/${prefix} dev lan`);
      inside.ip(
        'address flush dev wan scope global',
        `address add ${inner}/${prefix} dev wan`,
        `route replace default via ${outer} dev wan`,
      );
      router.nft(routerRuleset(this.kind.routers[index]!, inner));
    });
  }

  /** The network inside of a router. */
  private lan(router: number): PrivateNetwork {
    if (router > 0) return CARRIER_LAN;
    return this.kind.families.includes('v4') ? privateLan(this.moves) : publicLan(this.number, this.moves);
  }

  private publicAddresses(): ReturnType<typeof homeAddresses> {
    return homeAddresses(this.number, this.moves, this.kind.families);
  }
}
