import { describe, expect, it } from 'vitest';
import { LinkTable } from '../../../extension/src/p2p/link/link-table.ts';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import { closed } from '../../support/link-lab.ts';
import { binding, until, type LinkContract } from './support.ts';

export function glareContract(contract: LinkContract): void {
  describe('glare', () => {
    it('leaves one and the same of two links when both dial at once [LI5]', async () => {
      for (let round = 0; round < 4; round++) {
        const [a, b] = [await contract.lab.person(), await contract.lab.person()];
        const [tableA, tableB] = [new LinkTable(), new LinkTable()];
        const ends: Link[] = [];
        const add = (table: LinkTable, link: Link): void => {
          ends.push(link);
          void table.add(link);
        };
        a.host.onLink((link) => add(tableA, link));
        b.host.onLink((link) => add(tableB, link));
        // The loser's dial may fail: the other side can hang up before it is done.
        await Promise.allSettled([
          a.host.dial({ peer: b.identity.peer, addresses: b.addresses }).then((link) => add(tableA, link)),
          b.host.dial({ peer: a.identity.peer, addresses: a.addresses }).then((link) => add(tableB, link)),
        ]);
        // On the way there the two may hold different ones for a moment.
        await until(() => {
          const [atA, atB] = [tableA.get(b.identity.peer), tableB.get(a.identity.peer)];
          const alive = ends.filter(({ state }) => state !== 'closed');
          return alive.length === 2 && atA !== undefined && binding(atA) === (atB && binding(atB));
        });
        const atA = tableA.get(b.identity.peer)!;
        expect(atA.dialer).toBe(a.identity.peer < b.identity.peer);
        expect(await atA.control.request('ping', {})).toEqual({});
      }
    });

    it('replaces a link by a later one of the same dialer [LI5]', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      const [tableA, tableB] = [new LinkTable(), new LinkTable()];
      const [firstA, firstB] = await contract.lab.link(a, b);
      expect([await tableA.add(firstA), await tableB.add(firstB)]).toEqual([true, true]);
      const [secondA, secondB] = await contract.lab.link(a, b);
      const end = closed(firstA);
      expect(await tableB.add(secondB)).toBe(true);
      expect(await end).toMatchObject({ reason: 'link-duplicate' });
      expect(await tableA.add(secondA)).toBe(true);
      expect(tableA.get(b.identity.peer)).toBe(secondA);
      expect([...tableB.links()]).toEqual([secondB]);
    });
  });
}
