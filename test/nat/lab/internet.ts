import type { Disposable } from '../../../extension/src/shared/disposable.ts';
import type { PublicAddresses } from './addresses.ts';
import { Namespace } from './namespace.ts';
import { Uplink } from './uplink.ts';

/**
 * The public internet, as one router that knows a route to every public address and to nothing else: what leaves a home with a
 * private address is lost, as it would be. A router and not a switch, so that a packet too large for an uplink is answered (ICMP).
 */
export class Internet implements Disposable {
  readonly core = new Namespace('internet');
  private count = 0;

  constructor() {
    this.core.sysctl({
      'net/ipv4/ip_forward': 1,
      'net/ipv6/conf/all/forwarding': 1,
      'net/ipv4/conf/all/rp_filter': 0,
      'net/ipv4/conf/default/rp_filter': 0,
    });
    // One table says what the weather is; uplinks put themselves into its sets.
    this.core.nft(`
      table inet weather {
        set cut { type ifname; }
        set lossy { type ifname; }
        chain prerouting {
          type filter hook prerouting priority raw;
          # What comes from an address that is not the uplink's goes nowhere (BCP 38); neighbours are found without one.
          ip6 saddr { ::, fe80::/10 } accept
          fib saddr . iif oif missing drop
        }
        chain forward {
          type filter hook forward priority filter;
          iifname @cut drop
          oifname @cut drop
          iifname @lossy numgen random mod 100 < 20 drop
          oifname @lossy numgen random mod 100 < 20 drop
        }
      }`);
  }

  /** Connects interface `wan` of a namespace, with public addresses. */
  connect(end: Namespace, addresses: PublicAddresses): Uplink {
    this.count += 1;
    return new Uplink(this.core, `up${this.count}`, end, addresses);
  }

  dispose(): void {
    this.core.dispose();
  }
}
