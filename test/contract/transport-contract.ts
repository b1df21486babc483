import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DisposableStore } from '../../extension/src/shared/disposable.ts';
import type { Listener, Pipe, Transport, TransportAddress } from '../../extension/src/p2p/transport/transport.ts';

export interface TransportFixture {
  readonly transport: Transport;
  /** How to listen so that only this machine can connect. */
  readonly listenOptions?: { readonly host?: string };
  /** An address of the tier's form where nobody listens. */
  nobody(): Promise<TransportAddress>;
  /** An address that is not of the tier's form at all. */
  readonly malformed: TransportAddress;
  dispose?(): Promise<void>;
}

/** What every tier must do to carry links (LI1). A tier's own spec is this suite and whatever only it can do. */
export function describeTransportContract(tier: string, create: () => Promise<TransportFixture>): void {
  describe(`transport contract: ${tier}`, () => {
    const resources = new DisposableStore();
    const streams: Duplex[] = [];
    let fixture: TransportFixture;
    let listener: Listener;
    let accepted: Pipe[];
    let onAccept: (() => void) | undefined;

    beforeEach(async () => {
      fixture = await create();
      accepted = [];
      listener = resources.add(
        await fixture.transport.listen({
          ...fixture.listenOptions,
          onPipe: (pipe) => {
            streams.push(pipe.stream);
            accepted.push(pipe);
            onAccept?.();
          },
        }),
      );
    });

    afterEach(async () => {
      for (const stream of streams.splice(0)) stream.destroy();
      listener.dispose();
      await fixture.dispose?.();
    });

    const address = (): TransportAddress => listener.addresses[0]!;

    async function dial(): Promise<Pipe> {
      const pipe = await fixture.transport.dial(address());
      streams.push(pipe.stream);
      return pipe;
    }

    async function acceptedPipe(index = 0): Promise<Pipe> {
      while (accepted.length <= index) await new Promise<void>((resolve) => (onAccept = resolve));
      return accepted[index]!;
    }

    async function pair(): Promise<[Duplex, Duplex]> {
      const index = accepted.length;
      const near = await dial();
      return [near.stream, (await acceptedPipe(index)).stream];
    }

    it('carries bytes in order both ways, whatever their chunks [LI1]', async () => {
      const [near, far] = await pair();
      const sent = randomBytes(300_000);
      for (let at = 0, size = 1; at < sent.length; at += size, size = (size * 7) % 8191 || 1) {
        near.write(sent.subarray(at, at + size));
      }
      near.end();
      far.end('and back');
      expect(sha(await buffer(far))).toBe(sha(sent));
      expect((await buffer(near)).toString()).toBe('and back');
    });

    it('names the route and the other end', async () => {
      const near = await dial();
      const far = await acceptedPipe();
      expect(near.route).toBe(far.route);
      expect(near.remote).not.toBe('');
      expect(far.remote).not.toBe('');
    });

    it('half-closes: one side ends, the other goes on', async () => {
      const [near, far] = await pair();
      near.end('question');
      expect((await buffer(far)).toString()).toBe('question');
      far.write('an');
      far.end('swer');
      expect((await buffer(near)).toString()).toBe('answer');
    });

    it('brings what was sent before the end, also when the sender is destroyed right after', async () => {
      const [near, far] = await pair();
      const arrives = buffer(far);
      near.end('last words', () => near.destroy());
      expect((await arrives).toString()).toBe('last words');
    });

    it('stops the writer when nobody reads, and lets it go on when somebody does [LI7]', async () => {
      const [near, far] = await pair();
      const chunk = Buffer.alloc(64 * 1024, 1);
      let written = 0;
      // Ample for every buffer on the way; more than this would be memory growing with the transfer.
      const limit = 32 * 1024 * 1024;
      while (written < limit) {
        written += chunk.length;
        if (near.write(chunk)) continue;
        const drained = await Promise.race([once(near, 'drain').then(() => true), turns(50).then(() => false)]);
        if (!drained) break;
      }
      expect(written).toBeLessThan(limit);
      near.end();
      let read = 0;
      for await (const data of far) read += (data as Buffer).length;
      expect(read).toBe(written);
    });

    it('moves 50 MB unharmed [LI7]', async () => {
      const [near, far] = await pair();
      const piece = randomBytes(1024 * 1024);
      const [sent, received] = [createHash('sha256'), createHash('sha256')];
      const sending = (async () => {
        for (let i = 0; i < 50; i++) {
          piece.writeUInt32BE(i);
          const copy = Buffer.from(piece);
          sent.update(copy);
          if (!near.write(copy)) await once(near, 'drain');
        }
        near.end();
      })();
      for await (const data of far) received.update(data as Buffer);
      await sending;
      expect(received.digest('hex')).toBe(sent.digest('hex'));
    });

    it('closes the other end when one is destroyed, which harms nobody who does not watch', async () => {
      const [near, far] = await pair();
      far.resume();
      near.destroy();
      await new Promise((resolve) => far.once('close', resolve).once('end', resolve));
      expect(near.destroyed).toBe(true);
    });

    it('refuses an address where nobody listens', async () => {
      await expect(fixture.transport.dial(await fixture.nobody())).rejects.toMatchObject({ reason: 'unreachable' });
    });

    it('refuses an address that is none', async () => {
      await expect(fixture.transport.dial(fixture.malformed)).rejects.toMatchObject({ reason: 'unreachable' });
    });

    it('stops dialing when told to', async () => {
      const before = AbortSignal.abort();
      await expect(fixture.transport.dial(address(), { signal: before })).rejects.toMatchObject({
        reason: 'cancelled',
      });
      const during = new AbortController();
      const dialing = fixture.transport.dial(address(), { signal: during.signal });
      during.abort();
      await expect(dialing).rejects.toMatchObject({ reason: 'cancelled' });
    });

    it('keeps many dials at once apart', async () => {
      const count = 20;
      const near = await Promise.all(Array.from({ length: count }, dial));
      await acceptedPipe(count - 1);
      near.forEach(({ stream }, index) => stream.end(`pipe ${index}`));
      const texts = await Promise.all(accepted.map(async ({ stream }) => (await buffer(stream)).toString()));
      expect(texts.sort()).toEqual(Array.from({ length: count }, (_, index) => `pipe ${index}`).sort());
    });

    it('accepts nobody any more once the listener is disposed, and keeps the pipes it has', async () => {
      const [near, far] = await pair();
      listener.dispose();
      listener.dispose();
      await expect(fixture.transport.dial(address())).rejects.toMatchObject({ reason: 'unreachable' });
      near.end('still here');
      expect((await buffer(far)).toString()).toBe('still here');
    });
  });
}

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Some turns of the event loop: long enough for anything local that is going to happen. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}
