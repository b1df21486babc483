import type { Disposable } from '../../../extension/src/shared/disposable.ts';
import { GATEWAY, type PublicAddresses } from './addresses.ts';
import { runCommand } from './command.ts';
import type { Namespace } from './namespace.ts';

/** One cable between a namespace's interface `wan` and the internet, and what may befall it. */
export class Uplink implements Disposable {
  private readonly core: Namespace;
  /** The interface at the internet's side. */
  private readonly port: string;
  private readonly end: Namespace;
  private present: PublicAddresses = {};

  constructor(core: Namespace, port: string, end: Namespace, addresses: PublicAddresses) {
    this.core = core;
    this.port = port;
    this.end = end;
    core.ip(
      `link add ${port} type veth peer name wan netns ${end.name}`,
      `address add ${GATEWAY.v4}/32 dev ${port}`,
      `link set ${port} up`,
      `address add ${GATEWAY.v6}/128 dev ${port}`,
    );
    end.ip('link set wan up');
    this.move(addresses);
  }

  get addresses(): PublicAddresses {
    return this.present;
  }

  /** Gives the end other public addresses; whatever used the old ones is cut off without a word. */
  move(addresses: PublicAddresses): void {
    const { v4 = [], v6 = [] } = addresses;
    this.core.ip(...routes('del', this.present, this.port), ...routes('add', addresses, this.port));
    this.end.ip(
      'address flush dev wan scope global',
      ...v4.map((address) => `address add ${address}/32 dev wan`),
      ...v6.map((address) => `address add ${address}/128 dev wan`),
      ...(v4.length > 0 ? [`route replace default via ${GATEWAY.v4} dev wan onlink`] : []),
      ...(v6.length > 0 ? [`route replace default via ${GATEWAY.v6} dev wan onlink`] : []),
    );
    this.present = addresses;
  }

  /** Bytes that this cable has brought to the home, of all protocols, headers included. */
  get delivered(): number {
    const text = runCommand('ip', ['-n', this.core.name, '-json', '-stats', 'link', 'show', this.port]);
    const [link] = JSON.parse(text) as { stats64: { tx: { bytes: number } } }[];
    return link!.stats64.tx.bytes;
  }

  /** While cut, every packet vanishes; the interfaces stay up. */
  cut(): void {
    this.weather('add', 'cut');
  }

  mend(): void {
    this.weather('delete', 'cut');
  }

  /** Loses one packet in five, each way. */
  lossy(on: boolean): void {
    // A large segment that the kernel would cut only at the wire counts as one packet: with these it is cut before.
    this.core.ip(`link set ${this.port} gso_max_segs 1`);
    this.end.ip('link set wan gso_max_segs 1');
    this.weather(on ? 'add' : 'delete', 'lossy');
  }

  /** The largest packet that passes, in bytes. The inner machines do not know and have to be told by ICMP. */
  mtu(bytes: number): void {
    this.core.ip(`link set ${this.port} mtu ${bytes}`);
    this.end.ip(`link set wan mtu ${bytes}`);
  }

  /** Limits both ways, in Mbit/s. */
  rate(mbit: number): void {
    for (const [namespace, device] of [
      [this.core, this.port],
      [this.end, 'wan'],
    ] as const) {
      namespace.run('tc', `qdisc replace dev ${device} root tbf rate ${mbit}mbit burst 64k latency 50ms`.split(' '));
    }
  }

  /** At once, with its routes: a namespace that is deleted keeps its interfaces for a while. */
  dispose(): void {
    this.core.ip(`link delete ${this.port}`);
  }

  private weather(change: 'add' | 'delete', set: 'cut' | 'lossy'): void {
    this.core.nft(`${change} element inet weather ${set} { "${this.port}" }`);
  }
}

function routes(change: 'add' | 'del', { v4 = [], v6 = [], v6Network }: PublicAddresses, port: string): string[] {
  return [
    ...v4.map((address) => `route ${change} ${address}/32 dev ${port}`),
    ...v6.map((address) => `route ${change} ${address}/128 dev ${port}`),
    ...(v6Network === undefined ? [] : [`route ${change} ${v6Network} via ${v6[0] ?? ''} dev ${port} onlink`]),
  ];
}
