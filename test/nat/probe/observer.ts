import type { Disposable } from '../../../extension/src/shared/disposable.ts';
import type { Family } from '../lab/addresses.ts';
import type { Host, Lab } from '../lab/lab.ts';
import { ProbeAgent, type ProbeSocket } from './probe-agent.ts';

export const IP_VERSION = { v4: 4, v6: 6 } as const;
/** One that a firewall likes, one that it may not, and that of a TURN server. */
export const TCP_PORTS = [80, 443, 3478] as const;
const NEAR = 3478;
const FAR = 3479;

/** An observer's three UDP sockets, by how they differ from the first. */
export interface UdpServers {
  readonly first: ProbeSocket;
  readonly otherPort: ProbeSocket;
  readonly otherAddress: ProbeSocket;
}

/** A server with two addresses and two ports of each, as RFC 5780 wants for finding out about a NAT from behind it. */
export class Observer implements Disposable {
  readonly agent: ProbeAgent;
  private readonly host: Host;
  private readonly udp = new Map<Family, UdpServers>();

  private constructor(host: Host) {
    this.host = host;
    this.agent = new ProbeAgent(host.namespace);
  }

  static async start(lab: Lab): Promise<Observer> {
    const observer = new Observer(lab.host('observer', 'one.observer.test', 'two.observer.test'));
    await Promise.all([observer.listen('v4'), observer.listen('v6')]);
    return observer;
  }

  address(family: Family): string {
    return this.host[family][0]!;
  }

  servers(family: Family): UdpServers {
    return this.udp.get(family)!;
  }

  dispose(): void {
    this.agent.dispose();
  }

  private async listen(family: Family): Promise<void> {
    const [one, two] = this.host[family] as [string, string];
    const version = IP_VERSION[family];
    this.udp.set(family, {
      first: await this.agent.udp(version, { address: one, port: NEAR }),
      otherPort: await this.agent.udp(version, { address: one, port: FAR }),
      otherAddress: await this.agent.udp(version, { address: two, port: NEAR }),
    });
    for (const port of TCP_PORTS) await this.agent.listen({ address: one, port });
  }
}
