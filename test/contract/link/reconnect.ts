import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { closed, inState } from '../../support/link-lab.ts';
import { breakRepeatedly, drink, MIB, pieceOf, pour, type LinkContract } from './support.ts';

export function reconnectContract(contract: LinkContract): void {
  describe('reconnect', () => {
    it('loses and doubles no byte of much data each way while the transport breaks again and again [LI3, LI4]', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      const [atA, atB] = await contract.lab.link(a, b);
      const sums = { up: createHash('sha256'), down: createHash('sha256'), upSent: '', downSent: '' };
      const serving = new Promise<void>((resolve) =>
        atB.onExec((_, stream) => {
          void Promise.all([pour(stream, contract.bulk), drink(stream, sums.up)]).then(([sum]) => {
            sums.downSent = sum;
            resolve();
          });
          return true;
        }),
      );
      const stream = await atA.exec('both ways');
      let cuts = 0;
      const breaker = breakRepeatedly([a, b], atA, () => cuts++);
      [sums.upSent] = await Promise.all([pour(stream, contract.bulk), drink(stream, sums.down)]);
      await serving;
      breaker.stop();
      expect(cuts).toBeGreaterThan(3);
      expect(sums.up.digest('hex')).toBe(sums.upSent);
      expect(sums.down.digest('hex')).toBe(sums.downSent);
      expect([atA.state, atB.state]).not.toContain('closed');
    });

    it('keeps control messages in order across breaks, and answers requests that were under way [LI4]', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      const [atA, atB] = await contract.lab.link(a, b);
      const heard: number[] = [];
      const all = new Promise<void>((resolve) =>
        atB.control.handleNotification('waiting', ({ seconds }) => {
          heard.push(seconds);
          if (seconds === 200) resolve();
        }),
      );
      for (let seconds = 1; seconds <= 200; seconds++) {
        atA.control.notify('waiting', { seconds });
        if (seconds % 50 === 0) {
          const answer = atB.control.request('ping', {});
          (seconds % 100 === 0 ? a : b).network.cut();
          expect(await answer).toEqual({});
        }
      }
      await all;
      expect(heard).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    });

    it('gives up after the window, on both sides, with a reason [LI4]', async () => {
      const timings = { reconnectWindow: 150 };
      const [a, b] = [await contract.lab.person({ timings }), await contract.lab.person({ timings })];
      const [atA, atB] = await contract.lab.link(a, b);
      const ends = Promise.all([closed(atA), closed(atB)]);
      const pending = atA.control.request('ping', {});
      a.network.dialing = false;
      a.network.cut();
      pending.catch(() => undefined);
      expect((await ends).map(({ reason }) => reason)).toEqual(['link-lost', 'link-lost']);
      expect([atA.state, atB.state]).toEqual(['closed', 'closed']);
      expect(a.network.dials).toBeGreaterThan(2);
    });

    it('comes back when the network does [LI4]', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      const [atA, atB] = await contract.lab.link(a, b);
      a.network.dialing = false;
      a.network.cut();
      await Promise.all([inState(atA, 'reconnecting'), inState(atB, 'reconnecting')]);
      const answer = atB.control.request('ping', {});
      a.network.dialing = true;
      await Promise.all([inState(atA, 'connected'), inState(atB, 'connected')]);
      expect(await answer).toEqual({});
    });

    it('finds a peer that moved to another address [LI4]', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      const [atA, atB] = await contract.lab.link(a, b);
      const elsewhere = await contract.lab.moveHouse(b);
      atA.updateAddresses([await contract.nobody(), ...elsewhere]);
      a.network.cut();
      await inState(atA, 'reconnecting');
      await Promise.all([inState(atA, 'connected'), inState(atB, 'connected')]);
      expect(await atA.control.request('ping', {})).toEqual({});
    });

    it('gives up at once when the peer has restarted', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      const [atA] = await contract.lab.link(a, b);
      const end = closed(atA);
      contract.lab.vanish(b);
      const again = await contract.lab.person({ identity: b.identity });
      atA.updateAddresses(again.addresses);
      expect(await end).toMatchObject({ reason: 'link-lost' });
      expect((await contract.lab.link(a, again))[0].peer).toBe(b.identity.peer);
    });

    it('moves to another transport under a running transfer [LI3]', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      const [atA, atB] = await contract.lab.link(a, b);
      const states: string[] = [];
      atA.onState((state) => states.push(state));
      atB.onExec((_, stream) => {
        void pour(stream, 20);
        return true;
      });
      const stream = await atA.exec('x');
      stream.end();
      const [sum, expected] = [createHash('sha256'), createHash('sha256')];
      let moves = 0;
      let read = 0;
      for await (const data of stream) {
        sum.update(data as Buffer);
        read += (data as Buffer).length;
        if (read < (moves + 1) * 4 * MIB) continue;
        moves += 1;
        const pipe = await a.network.dial(b.addresses[0]!);
        await atA.replaceTransport(pipe);
        expect(a.network.pipes).toContain(pipe);
      }
      for (let piece = 0; piece < 20; piece++) expected.update(pieceOf(piece));
      expect(moves).toBeGreaterThan(2);
      expect(sum.digest('hex')).toBe(expected.digest('hex'));
      expect(states).not.toContain('closed');
    });

    it('finds a peer that has gone silent, and looks for it elsewhere [LI9]', async () => {
      const timings = { keepAlive: 20, silence: 120 };
      const [a, b] = [await contract.lab.person({ timings }), await contract.lab.person()];
      const [atA, atB] = await contract.lab.link(a, b);
      b.network.silence();
      await inState(atA, 'reconnecting');
      await Promise.all([inState(atA, 'connected'), inState(atB, 'connected')]);
      expect(await atA.control.request('ping', {})).toEqual({});
      // The next sign of life on the new transport tells it.
      await expect.poll(() => atA.rttMs, { timeout: 10_000 }).toBeGreaterThanOrEqual(0);
    });
  });
}
