import { describe, expect, it } from 'vitest';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import { closed } from '../../support/link-lab.ts';
import type { LinkContract } from './support.ts';

export function controlContract(contract: LinkContract): void {
  describe('control', () => {
    it('passes an error on with its reason, and hides what is not meant for the peer', async () => {
      const [atA, atB] = await contract.lab.link(await contract.lab.person(), await contract.lab.person());
      const params = { session: '0'.repeat(32) as never, name: 'Ann', addresses: [] };
      atB.control.handleRequest('join', async () => {
        throw new PeerweaveError('join-refused', 'Not today.');
      });
      await expect(atA.control.request('join', params)).rejects.toMatchObject({
        reason: 'join-refused',
        message: 'Not today.',
      });
      atB.control.handleRequest('join', async () => {
        throw new Error('/home/ann/secret');
      });
      const internal = atA.control.request('join', params);
      await expect(internal).rejects.toMatchObject({ reason: 'internal' });
      await expect(internal).rejects.not.toThrow(/secret/);
    });

    it('answers a request that nobody handles', async () => {
      const [atA] = await contract.lab.link(await contract.lab.person(), await contract.lab.person());
      const params = { session: '0'.repeat(32) as never, name: 'Ann', addresses: [] };
      await expect(atA.control.request('join', params)).rejects.toMatchObject({ reason: 'bad-request' });
    });

    it('rejects requests by timeout, by signal and by the end of the link', async () => {
      const [atA, atB] = await contract.lab.link(await contract.lab.person(), await contract.lab.person());
      atB.control.handleRequest('join', () => new Promise(() => undefined));
      const params = { session: '0'.repeat(32) as never, name: 'Ann', addresses: [] };
      await expect(atA.control.request('join', params, { timeoutMs: 10 })).rejects.toMatchObject({
        reason: 'timeout',
      });
      await expect(atA.control.request('join', params, { signal: AbortSignal.abort() })).rejects.toMatchObject({
        reason: 'cancelled',
      });
      const last = atA.control.request('join', params);
      await atB.close(new PeerweaveError('peer-left', 'Bye.'));
      await expect(last).rejects.toMatchObject({ reason: 'peer-left' });
      await expect(atA.control.request('ping', {})).rejects.toBeInstanceOf(PeerweaveError);
    });

    it('tells the other side why it closed', async () => {
      const [atA, atB] = await contract.lab.link(await contract.lab.person(), await contract.lab.person());
      const end = closed(atB);
      await atA.close(new PeerweaveError('link-duplicate', 'There is another.'));
      expect(await end).toMatchObject({ reason: 'link-duplicate', message: 'There is another.' });
      expect([atA.state, atB.state]).toEqual(['closed', 'closed']);
    });

    it('delivers what follows an answer only after whoever waited could admit the peer', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      b.host.onLink((link) => {
        link.control.handleRequest('join', async () => {
          link.admit();
          setImmediate(() => link.control.notify('ack', { author: b.identity.peer, seq: 1 }));
          return {
            roster: [
              {
                peer: b.identity.peer,
                publicKey: Buffer.from(b.identity.publicKey).toString('base64'),
                name: 'Bob',
                role: 'owner' as const,
                epoch: 1,
                addedBy: b.identity.peer,
                addedAt: 0,
                signature: '',
              },
            ],
            repo: { name: 'r', roots: [], objectFormat: 'sha1' as const },
            addresses: [],
          };
        });
      });
      const link = await a.host.dial({ peer: b.identity.peer, addresses: b.addresses });
      const acked = new Promise<number>((resolve) => link.control.handleNotification('ack', ({ seq }) => resolve(seq)));
      await link.control.request('join', { session: '0'.repeat(32) as never, name: 'Ann', addresses: [] });
      link.admit();
      expect(await acked).toBe(1);
    });
  });
}
