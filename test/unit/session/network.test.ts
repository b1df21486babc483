import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { LinkHost } from '../../../extension/src/p2p/link/link-host.ts';
import { Network } from '../../../extension/src/p2p/session/network.ts';
import type { Signaling } from '../../../extension/src/p2p/signaling/signaling.ts';
import { tcpTransport } from '../../../extension/src/p2p/transport/tcp.ts';
import { Emitter } from '../../../extension/src/shared/events.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';

describe('network', () => {
  const said: string[] = [];
  /** As much of a room as a network without members needs. */
  const room = {
    onPeers: new Emitter<void>().event,
    onState: new Emitter<never>().event,
    onMessage: new Emitter<never>().event,
    networkChanged: () => said.push('looks whether it stands'),
    announce: () => said.push('announces'),
    dispose: () => said.push('ends'),
  } as unknown as Signaling;
  const changes = new Emitter<void>();
  let network: Network;

  beforeEach(() => {
    said.length = 0;
    network = new Network({
      linkHost: new LinkHost({
        identity: createIdentity(),
        transports: [tcpTransport],
        log: silentLogger,
        software: 'test/1',
      }),
      room,
      tiers: ['tcp'],
      mapPort: undefined,
      watch: { onChange: changes.event, dispose: () => changes.dispose() },
      log: silentLogger,
    });
  });
  afterEach(() => network.dispose());

  it('[LI9] on another network the room finds out whether its connection stands, and hears where we are now', () => {
    changes.fire();
    expect(said).toEqual(['looks whether it stands', 'announces']);
  });
});
