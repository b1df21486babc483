import { describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import type { LinkContract } from './support.ts';

export function handshakeContract(contract: LinkContract): void {
  describe('handshake', () => {
    it('shows each the proven key of the other, and both the same session [SE3]', async () => {
      const [a, b] = [await contract.lab.person({ capabilities: ['made-up-by-a'] }), await contract.lab.person()];
      const [atA, atB] = await contract.lab.link(a, b);
      expect(atA).toMatchObject({ self: a.identity.peer, peer: b.identity.peer, dialer: true, state: 'connected' });
      expect(atB).toMatchObject({ self: b.identity.peer, peer: a.identity.peer, dialer: false, state: 'connected' });
      expect(Buffer.from(atA.publicKey)).toEqual(Buffer.from(b.identity.publicKey));
      expect(Buffer.from(atB.publicKey)).toEqual(Buffer.from(a.identity.publicKey));
      expect(atA.sessionBinding).toEqual(atB.sessionBinding);
      expect(atA.sessionBinding.length).toBeGreaterThanOrEqual(32);
      expect(atA.dial).toBe(atB.dial);
      expect(atB.remote.capabilities).toEqual(['made-up-by-a']);
    });

    it('refuses a host with another key before saying who we are [SE3]', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      const expected = createIdentity().peer;
      const dialing = a.host.dial({ peer: expected, addresses: b.addresses });
      await expect(dialing).rejects.toMatchObject({ reason: 'host-key-mismatch' });
      await expect(dialing).rejects.toThrow(b.identity.peer);
      await expect(dialing).rejects.toThrow(expected);
      expect(b.accepted).toEqual([]);
    });

    it('finds the right peer behind several addresses, and shows it one link only [LI2]', async () => {
      const [a, b, stranger] = [await contract.lab.person(), await contract.lab.person(), await contract.lab.person()];
      const addresses = [...stranger.addresses, ...b.addresses, ...b.addresses, ...b.addresses];
      const link = await a.host.dial({ peer: b.identity.peer, addresses });
      await link.control.request('ping', {});
      expect(link.peer).toBe(b.identity.peer);
      expect(b.accepted).toHaveLength(1);
      expect(stranger.accepted).toEqual([]);
    });

    it('refuses another protocol version and names both [LI6]', async () => {
      const [a, b] = [
        await contract.lab.person({ protocol: 1, software: 'old/1' }),
        await contract.lab.person({ protocol: 2, software: 'new/2' }),
      ];
      const dialing = a.host.dial({ peer: b.identity.peer, addresses: b.addresses });
      await expect(dialing).rejects.toMatchObject({ reason: 'protocol-incompatible' });
      await expect(dialing).rejects.toThrow('This side speaks link protocol 1 (old/1), the other 2 (new/2)');
      expect(b.accepted).toEqual([]);
    });

    it('stops dialing when told to', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      const abort = new AbortController();
      const dialing = a.host.dial({ peer: b.identity.peer, addresses: b.addresses, signal: abort.signal });
      abort.abort();
      await expect(dialing).rejects.toMatchObject({ reason: 'cancelled' });
    });

    it('says what it tried when nobody can be reached', async () => {
      const a = await contract.lab.person();
      a.network.dialing = false;
      const dialing = a.host.dial({ peer: createIdentity().peer, addresses: a.addresses });
      await expect(dialing).rejects.toMatchObject({ reason: 'unreachable' });
      await expect(dialing).rejects.toThrow(a.addresses[0]!.value);
    });
  });
}
