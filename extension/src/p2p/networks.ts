import type { Settings } from '../rpc/contract.ts';
import type { Logger } from '../shared/log.ts';
import { Bandwidth } from './link/bandwidth.ts';
import { LinkHost } from './link/link-host.ts';
import { NetworkWatch } from './link/network-watch.ts';
import type { OpenNetwork } from './manager.ts';
import { Network } from './session/network.ts';
import { SignalingClient } from './signaling/signaling-client.ts';
import { parseIceServers } from './transport/ice-servers.ts';
import { jsonTransport } from './transport/json.ts';
import { mapPort } from './transport/port-mapping.ts';
import { relayTransport } from './transport/relay.ts';
import { tcpTransport } from './transport/tcp.ts';
import type { Transport } from './transport/transport.ts';
import { webrtcTransport } from './transport/webrtc.ts';

export interface NetworksParts {
  readonly version: string;
  readonly log: Logger;
  /** What operators of private signaling servers want to see. */
  readonly signalingToken?: string | undefined;
}

const KIB = 1024;

/** Makes the networks of an engine's sessions out of the tiers of this build, and holds what the sessions share: the line. */
export class Networks {
  private readonly parts: NetworksParts;
  private readonly bandwidth = new Bandwidth();
  private iceServers: Settings['iceServers'] = [];

  constructor(parts: NetworksParts) {
    this.parts = parts;
  }

  /** Throws `bad-request` for settings that cannot be used. */
  readonly open: OpenNetwork = ({ identity, meeting, settings }) => {
    const { version, log, signalingToken: token } = this.parts;
    parseIceServers(settings.iceServers);
    this.apply(settings);
    const room = meeting && new SignalingClient({ ...meeting, peer: identity.peer, token, log: log.scope('link') });
    const linkHost = new LinkHost({
      identity,
      transports: [tcpTransport, ...(room === undefined ? [] : this.roomTiers(room))],
      tiers: settings.tiers,
      bandwidth: this.bandwidth,
      software: `peerweave/${version}`,
      log: log.scope('link'),
    });
    const watch = new NetworkWatch();
    const router = settings.portMapping ? mapPort : undefined;
    return new Network({ linkHost, room, tiers: settings.tiers, mapPort: router, watch, log: log.scope('link') });
  };

  /** Limits and ICE servers that act from now on, in all sessions. */
  apply({ uploadLimit, downloadLimit, iceServers }: Settings): void {
    this.bandwidth.setLimits({ up: uploadLimit * KIB, down: downloadLimit * KIB });
    this.iceServers = iceServers;
  }

  private roomTiers(room: SignalingClient): Transport[] {
    return [
      webrtcTransport(room, { log: this.parts.log, iceServers: () => this.iceServers }),
      relayTransport({ signaling: room }),
      jsonTransport({ signaling: room }),
    ];
  }
}
