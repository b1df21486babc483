import type { Settings } from '../rpc/contract.ts';
import type { Logger } from '../shared/log.ts';
import { LinkHost } from './link/link-host.ts';
import type { OpenNetwork } from './manager.ts';
import { Network } from './session/network.ts';
import { tcpTransport } from './transport/tcp.ts';

export interface NetworksParts {
  readonly version: string;
  readonly log: Logger;
}

/** Makes the networks of an engine's sessions, of the tiers of this build, and what they share. */
export class Networks {
  private readonly parts: NetworksParts;

  constructor(parts: NetworksParts) {
    this.parts = parts;
  }

  readonly open: OpenNetwork = ({ identity, settings }) => {
    const { version, log } = this.parts;
    const scoped = log.scope('link');
    const linkHost = new LinkHost({
      identity,
      transports: [tcpTransport],
      software: `peerweave/${version}`,
      log: scoped,
    });
    return new Network({ linkHost, room: undefined, tiers: settings.tiers, mapPort: undefined, log: scoped });
  };

  /** Limits act at once on all links. */
  apply(settings: Settings): void {
    this.parts.log.debug(`limits: ${settings.uploadLimit} up, ${settings.downloadLimit} down`);
  }
}
