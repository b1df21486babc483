import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { LinkHost } from '../../../extension/src/p2p/link/link-host.ts';
import { Network } from '../../../extension/src/p2p/session/network.ts';
import type { Signaling } from '../../../extension/src/p2p/signaling/signaling.ts';
import { tcpTransport } from '../../../extension/src/p2p/transport/tcp.ts';
import { Emitter } from '../../../extension/src/shared/events.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';

describe('network', () => {
  const said: string[] = [];
  const host = createIdentity().peer;
  const comings = new Emitter<void>();
  let present: string[];
  let failure: PeerweaveError | undefined;
  /** As much of a room as a network without members needs. */
  const room = {
    onPeers: comings.event,
    onState: new Emitter<never>().event,
    onMessage: new Emitter<never>().event,
    networkChanged: () => said.push('looks whether it stands'),
    announce: () => said.push('announces'),
    dispose: () => said.push('ends'),
    tagOf: (peer: string) => `tag of ${peer}`,
    get peers() {
      return present.map((tag) => ({ peer: 'somebody', tag }));
    },
    get failure() {
      return failure;
    },
  } as unknown as Signaling;
  const changes = new Emitter<void>();
  let network: Network;

  beforeEach(() => {
    said.length = 0;
    present = [];
    failure = undefined;
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

  describe('waits for a host that is not in the room', () => {
    const HOUR_MS = 3_600_000;
    const never = new AbortController().signal;

    it('until it comes', async () => {
      const waiting = network.awaitPresence(host, HOUR_MS, never);
      present = [room.tagOf(host)];
      comings.fire();
      expect(await waiting).toBe(true);
    });

    it('no longer than it has patience', async () => {
      expect(await network.awaitPresence(host, 1, never)).toBe(false);
    });

    it.each(['signaling-refused', 'room-full'] as const)('not where nobody lets us in: %s', async (reason) => {
      const waiting = network.awaitPresence(host, HOUR_MS, never);
      failure = new PeerweaveError(reason, 'A person has to see to it.');
      comings.fire();
      expect(await waiting).toBe(false);
      expect(await network.awaitPresence(host, HOUR_MS, never)).toBe(false);
    });

    it('also while the server is away', async () => {
      failure = new PeerweaveError('signaling-unreachable', 'It is being restarted.');
      const waiting = network.awaitPresence(host, HOUR_MS, never);
      comings.fire();
      present = [room.tagOf(host)];
      comings.fire();
      expect(await waiting).toBe(true);
    });

    it('not after it was cancelled', async () => {
      const cancel = new AbortController();
      const waiting = network.awaitPresence(host, HOUR_MS, cancel.signal);
      cancel.abort(new PeerweaveError('cancelled', 'No more.'));
      await expect(waiting).rejects.toMatchObject({ reason: 'cancelled' });
    });
  });
});
