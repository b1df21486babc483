import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { ExecStream } from '../../../extension/src/p2p/link/link.ts';
import { acceptedBy, drains, echo, gone, MIB, type LinkContract } from './support.ts';

export function execContract(contract: LinkContract): void {
  describe('exec', () => {
    it('carries both directions with half-close and passes the exit status on', async () => {
      const [atA, atB] = await contract.lab.link(await contract.lab.person(), await contract.lab.person());
      atB.onExec((command, stream) => {
        void text(stream).then((said) => {
          stream.write(`${command} heard ${said}`);
          stream.exit(7);
        });
        return true;
      });
      const stream = await atA.exec("git-upload-pack '/repo'");
      stream.end('hello');
      expect(await text(stream)).toBe("git-upload-pack '/repo' heard hello");
      await gone(stream);
      expect(stream.exitStatus).toBe(7);
    });

    it('works both ways at the same time', async () => {
      const [atA, atB] = await contract.lab.link(await contract.lab.person(), await contract.lab.person());
      for (const link of [atA, atB]) link.onExec((_, stream) => echo(stream));
      const streams = await Promise.all([atA.exec('echo'), atB.exec('echo'), atA.exec('echo'), atB.exec('echo')]);
      streams.forEach((stream, index) => stream.end(`number ${index}`));
      expect(await Promise.all(streams.map(text))).toEqual(['number 0', 'number 1', 'number 2', 'number 3']);
    });

    it('makes more than fit wait their turn', async () => {
      const [atA, atB] = await contract.lab.link(await contract.lab.person(), await contract.lab.person());
      atB.onExec((_, stream) => echo(stream));
      const answers = Array.from({ length: 12 }, async (_, index) => {
        const stream = await atA.exec('echo');
        stream.end(String(index));
        return text(stream);
      });
      expect(await Promise.all(answers)).toEqual(Array.from({ length: 12 }, (_, index) => String(index)));
    });

    it('is refused before admission, without a handler, and by the handler', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      const link = await a.host.dial({ peer: b.identity.peer, addresses: b.addresses });
      await expect(link.exec('git-upload-pack')).rejects.toMatchObject({ reason: 'not-admitted' });
      const atB = await acceptedBy(b);
      atB.admit();
      await expect(link.exec('git-upload-pack')).rejects.toMatchObject({ reason: 'bad-request' });
      atB.onExec((command) => command === 'git-upload-pack' && false);
      await expect(link.exec('sh')).rejects.toMatchObject({ reason: 'bad-request' });
      expect(link.state).toBe('connected');
    });

    it('stops waiting to be opened when told to', async () => {
      const [a, b] = [await contract.lab.person(), await contract.lab.person()];
      const [atA, atB] = await contract.lab.link(a, b);
      atB.onExec((_, stream) => echo(stream));
      await expect(atA.exec('x', { signal: AbortSignal.abort() })).rejects.toMatchObject({ reason: 'cancelled' });
      a.network.dialing = false;
      a.network.cut();
      const abort = new AbortController();
      const opening = atA.exec('x', { signal: abort.signal });
      abort.abort();
      await expect(opening).rejects.toMatchObject({ reason: 'cancelled' });
      a.network.dialing = true;
      const stream = await atA.exec('x');
      stream.end('still works');
      expect(await text(stream)).toBe('still works');
    });

    it('ends on both sides when one is destroyed, and leaves the link alone', async () => {
      const [atA, atB] = await contract.lab.link(await contract.lab.person(), await contract.lab.person());
      const serving = new Promise<ExecStream>((resolve) =>
        atB.onExec((_, stream) => {
          resolve(stream);
          return true;
        }),
      );
      const stream = await atA.exec('x');
      const far = await serving;
      far.resume();
      stream.destroy();
      await gone(far);
      expect(await atA.control.request('ping', {})).toEqual({});
    });

    it('stops a sender whose reader does not read, whatever there is to send [LI7]', async () => {
      const [atA, atB] = await contract.lab.link(await contract.lab.person(), await contract.lab.person());
      let written = 0;
      const stuck = new Promise<void>((resolve) =>
        atB.onExec((_, stream) => {
          const chunk = Buffer.alloc(64 * 1024);
          void (async () => {
            for (; written < 64 * MIB; written += chunk.length) {
              if (stream.write(chunk)) continue;
              if (!(await drains(stream))) return resolve();
            }
            resolve();
          })();
          return true;
        }),
      );
      const stream = await atA.exec('endless');
      await stuck;
      // One window, the stream buffers at both ends, and what the sender is about to say.
      expect(written).toBeLessThan(4 * MIB);
      // The link itself is not blocked by it.
      expect(await atA.control.request('ping', {})).toEqual({});
      stream.destroy();
    });
  });
}
