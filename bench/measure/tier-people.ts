import { randomBytes } from 'node:crypto';
import { createIdentity, type Identity } from '../../extension/src/p2p/link/identity.ts';
import { LinkHost } from '../../extension/src/p2p/link/link-host.ts';
import type { Link } from '../../extension/src/p2p/link/link.ts';
import { SignalingClient } from '../../extension/src/p2p/signaling/signaling-client.ts';
import { jsonTransport } from '../../extension/src/p2p/transport/json.ts';
import { relayTransport } from '../../extension/src/p2p/transport/relay.ts';
import { tcpTransport } from '../../extension/src/p2p/transport/tcp.ts';
import type { TransportAddress } from '../../extension/src/p2p/transport/transport.ts';
import { webrtcTransport } from '../../extension/src/p2p/transport/webrtc.ts';
import { silentLogger } from '../../extension/src/shared/log.ts';
import { seesPeers } from '../../test/support/signaling-lab.ts';

export const TIERS = ['tcp', 'webrtc', 'relay', 'json'] as const;
export type BenchTier = (typeof TIERS)[number];

/** Two new people in a new room of the server, the one of whom listens on `tiers`, for as long as `use` takes. */
export async function withTwo<T>(
  server: string,
  tiers: readonly BenchTier[],
  use: (dial: () => Promise<Link>, host: LinkHost) => Promise<T>,
): Promise<T> {
  const secret = randomBytes(16);
  const [guest, host] = [new Somebody(server, secret), new Somebody(server, secret)];
  try {
    const addresses = await host.listen(tiers);
    await Promise.all([guest, host].map(({ signaling }) => seesPeers(signaling, 1)));
    const dial = async (): Promise<Link> => {
      const link = await guest.links.dial({ peer: host.identity.peer, addresses });
      link.admit();
      return link;
    };
    return await use(dial, host.links);
  } finally {
    guest.dispose();
    host.dispose();
  }
}

/** A member of a room with all tiers, as an engine has them. */
class Somebody {
  readonly identity: Identity = createIdentity();
  readonly signaling: SignalingClient;
  readonly links: LinkHost;

  constructor(server: string, secret: Uint8Array) {
    const { identity } = this;
    this.signaling = new SignalingClient({ urls: [server], secret, peer: identity.peer, log: silentLogger });
    const { signaling } = this;
    this.links = new LinkHost({
      identity,
      transports: [
        tcpTransport,
        webrtcTransport(signaling, { log: silentLogger, iceServers: () => [] }),
        relayTransport({ signaling }),
        jsonTransport({ signaling }),
      ],
      software: 'bench',
      log: silentLogger,
    });
    this.links.onLink((link: Link) => link.admit());
  }

  async listen(tiers: readonly BenchTier[]): Promise<TransportAddress[]> {
    await this.signaling.joined();
    const listeners = await Promise.all(
      tiers.map((tier) => this.links.listen({ tier, ...(tier === 'tcp' ? { host: '127.0.0.1' } : {}) })),
    );
    return listeners.flatMap(({ addresses }) => addresses);
  }

  dispose(): void {
    this.links.dispose();
    this.signaling.dispose();
  }
}
