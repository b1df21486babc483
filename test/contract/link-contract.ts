import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../extension/src/p2p/link/identity.ts';
import { LinkTable } from '../../extension/src/p2p/link/link-table.ts';
import type { ExecStream, Link } from '../../extension/src/p2p/link/link.ts';
import type { Transport } from '../../extension/src/p2p/transport/transport.ts';
import { PeerweaveError } from '../../extension/src/shared/errors.ts';
import { closed, inState, LinkLab, next, type Person } from '../support/link-lab.ts';

const MIB = 1024 * 1024;

/** What a link must do on whatever tier it runs. `transport` makes one that meets the others made in the same test. */
export function describeLinkContract(
  tier: string,
  setUp: () => { transport: () => Transport; listenHost?: string },
): void {
  describe(`link contract: ${tier}`, () => {
    let lab: LinkLab;

    beforeEach(() => {
      const { transport, listenHost } = setUp();
      lab = new LinkLab(transport, listenHost);
    });
    afterEach(() => lab.dispose());

    describe('handshake', () => {
      it('shows each the proven key of the other, and both the same session [SE3]', async () => {
        const [a, b] = [await lab.person({ capabilities: ['made-up-by-a'] }), await lab.person()];
        const [atA, atB] = await lab.link(a, b);
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
        const [a, b] = [await lab.person(), await lab.person()];
        const expected = createIdentity().peer;
        const dialing = a.host.dial({ peer: expected, addresses: b.addresses });
        await expect(dialing).rejects.toMatchObject({ reason: 'host-key-mismatch' });
        await expect(dialing).rejects.toThrow(b.identity.peer);
        await expect(dialing).rejects.toThrow(expected);
        expect(b.accepted).toEqual([]);
      });

      it('finds the right peer behind several addresses, and shows it one link only [LI2]', async () => {
        const [a, b, stranger] = [await lab.person(), await lab.person(), await lab.person()];
        const addresses = [...stranger.addresses, ...b.addresses, ...b.addresses, ...b.addresses];
        const link = await a.host.dial({ peer: b.identity.peer, addresses });
        await link.control.request('ping', {});
        expect(link.peer).toBe(b.identity.peer);
        expect(b.accepted).toHaveLength(1);
        expect(stranger.accepted).toEqual([]);
      });

      it('refuses another protocol version and names both [LI6]', async () => {
        const [a, b] = [
          await lab.person({ protocol: 1, software: 'old/1' }),
          await lab.person({ protocol: 2, software: 'new/2' }),
        ];
        const dialing = a.host.dial({ peer: b.identity.peer, addresses: b.addresses });
        await expect(dialing).rejects.toMatchObject({ reason: 'protocol-incompatible' });
        await expect(dialing).rejects.toThrow('This side speaks link protocol 1 (old/1), the other 2 (new/2)');
        expect(b.accepted).toEqual([]);
      });

      it('stops dialing when told to', async () => {
        const [a, b] = [await lab.person(), await lab.person()];
        const abort = new AbortController();
        const dialing = a.host.dial({ peer: b.identity.peer, addresses: b.addresses, signal: abort.signal });
        abort.abort();
        await expect(dialing).rejects.toMatchObject({ reason: 'cancelled' });
      });

      it('says what it tried when nobody can be reached', async () => {
        const a = await lab.person();
        a.network.dialing = false;
        const dialing = a.host.dial({ peer: createIdentity().peer, addresses: a.addresses });
        await expect(dialing).rejects.toMatchObject({ reason: 'unreachable' });
        await expect(dialing).rejects.toThrow(a.addresses[0]!.value);
      });
    });

    describe('exec', () => {
      it('carries both directions with half-close and passes the exit status on', async () => {
        const [atA, atB] = await lab.link(await lab.person(), await lab.person());
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
        const [atA, atB] = await lab.link(await lab.person(), await lab.person());
        for (const link of [atA, atB]) link.onExec((_, stream) => echo(stream));
        const streams = await Promise.all([atA.exec('echo'), atB.exec('echo'), atA.exec('echo'), atB.exec('echo')]);
        streams.forEach((stream, index) => stream.end(`number ${index}`));
        expect(await Promise.all(streams.map(text))).toEqual(['number 0', 'number 1', 'number 2', 'number 3']);
      });

      it('makes more than fit wait their turn', async () => {
        const [atA, atB] = await lab.link(await lab.person(), await lab.person());
        atB.onExec((_, stream) => echo(stream));
        const answers = Array.from({ length: 12 }, async (_, index) => {
          const stream = await atA.exec('echo');
          stream.end(String(index));
          return text(stream);
        });
        expect(await Promise.all(answers)).toEqual(Array.from({ length: 12 }, (_, index) => String(index)));
      });

      it('is refused before admission, without a handler, and by the handler', async () => {
        const [a, b] = [await lab.person(), await lab.person()];
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
        const [a, b] = [await lab.person(), await lab.person()];
        const [atA, atB] = await lab.link(a, b);
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
        const [atA, atB] = await lab.link(await lab.person(), await lab.person());
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
        const [atA, atB] = await lab.link(await lab.person(), await lab.person());
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

    describe('reconnect', () => {
      it('loses and doubles no byte of 50 MB each way while the transport breaks again and again [LI3, LI4]', async () => {
        const [a, b] = [await lab.person(), await lab.person()];
        const [atA, atB] = await lab.link(a, b);
        const sums = { up: createHash('sha256'), down: createHash('sha256'), upSent: '', downSent: '' };
        const serving = new Promise<void>((resolve) =>
          atB.onExec((_, stream) => {
            void Promise.all([pour(stream, 50), drink(stream, sums.up)]).then(([sum]) => {
              sums.downSent = sum;
              resolve();
            });
            return true;
          }),
        );
        const stream = await atA.exec('both ways');
        let cuts = 0;
        const breaker = breakRepeatedly([a, b], atA, () => cuts++);
        [sums.upSent] = await Promise.all([pour(stream, 50), drink(stream, sums.down)]);
        await serving;
        breaker.stop();
        expect(cuts).toBeGreaterThan(3);
        expect(sums.up.digest('hex')).toBe(sums.upSent);
        expect(sums.down.digest('hex')).toBe(sums.downSent);
        expect([atA.state, atB.state]).not.toContain('closed');
      });

      it('keeps control messages in order across breaks, and answers requests that were under way [LI4]', async () => {
        const [a, b] = [await lab.person(), await lab.person()];
        const [atA, atB] = await lab.link(a, b);
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
        const [a, b] = [await lab.person({ timings }), await lab.person({ timings })];
        const [atA, atB] = await lab.link(a, b);
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
        const [a, b] = [await lab.person(), await lab.person()];
        const [atA, atB] = await lab.link(a, b);
        a.network.dialing = false;
        a.network.cut();
        await Promise.all([inState(atA, 'reconnecting'), inState(atB, 'reconnecting')]);
        const answer = atB.control.request('ping', {});
        a.network.dialing = true;
        await Promise.all([inState(atA, 'connected'), inState(atB, 'connected')]);
        expect(await answer).toEqual({});
      });

      it('finds a peer that moved to another address [LI4]', async () => {
        const [a, b] = [await lab.person(), await lab.person()];
        const [atA, atB] = await lab.link(a, b);
        const elsewhere = await lab.listen(b);
        atA.updateAddresses([{ ...b.addresses[0]!, value: unreachable(b) }, ...elsewhere.addresses]);
        a.network.cut();
        await inState(atA, 'reconnecting');
        await Promise.all([inState(atA, 'connected'), inState(atB, 'connected')]);
        expect(await atA.control.request('ping', {})).toEqual({});
      });

      it('gives up at once when the peer has restarted', async () => {
        const [a, b] = [await lab.person(), await lab.person()];
        const [atA] = await lab.link(a, b);
        const again = await lab.person({ identity: b.identity });
        atA.updateAddresses(again.addresses);
        const end = closed(atA);
        a.network.cut();
        expect(await end).toMatchObject({ reason: 'link-lost' });
        expect((await lab.link(a, again))[0].peer).toBe(b.identity.peer);
      });

      it('moves to another transport under a running transfer [LI3]', async () => {
        const [a, b] = [await lab.person(), await lab.person()];
        const [atA, atB] = await lab.link(a, b);
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
        const [a, b] = [await lab.person({ timings }), await lab.person()];
        const [atA, atB] = await lab.link(a, b);
        b.network.silence();
        await inState(atA, 'reconnecting');
        await Promise.all([inState(atA, 'connected'), inState(atB, 'connected')]);
        expect(await atA.control.request('ping', {})).toEqual({});
        expect(atA.rttMs).toBeGreaterThanOrEqual(0);
      });
    });

    describe('control', () => {
      it('passes an error on with its reason, and hides what is not meant for the peer', async () => {
        const [atA, atB] = await lab.link(await lab.person(), await lab.person());
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
        const [atA] = await lab.link(await lab.person(), await lab.person());
        const params = { session: '0'.repeat(32) as never, name: 'Ann', addresses: [] };
        await expect(atA.control.request('join', params)).rejects.toMatchObject({ reason: 'bad-request' });
      });

      it('rejects requests by timeout, by signal and by the end of the link', async () => {
        const [atA, atB] = await lab.link(await lab.person(), await lab.person());
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
        const [atA, atB] = await lab.link(await lab.person(), await lab.person());
        const end = closed(atB);
        await atA.close(new PeerweaveError('link-duplicate', 'There is another.'));
        expect(await end).toMatchObject({ reason: 'link-duplicate', message: 'There is another.' });
        expect([atA.state, atB.state]).toEqual(['closed', 'closed']);
      });

      it('delivers what follows an answer only after whoever waited could admit the peer', async () => {
        const [a, b] = [await lab.person(), await lab.person()];
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
        const acked = new Promise<number>((resolve) =>
          link.control.handleNotification('ack', ({ seq }) => resolve(seq)),
        );
        await link.control.request('join', { session: '0'.repeat(32) as never, name: 'Ann', addresses: [] });
        link.admit();
        expect(await acked).toBe(1);
      });
    });

    describe('glare', () => {
      it('leaves one and the same of two links when both dial at once [LI5]', async () => {
        for (let round = 0; round < 4; round++) {
          const [a, b] = [await lab.person(), await lab.person()];
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
        const [a, b] = [await lab.person(), await lab.person()];
        const [tableA, tableB] = [new LinkTable(), new LinkTable()];
        const [firstA, firstB] = await lab.link(a, b);
        expect([await tableA.add(firstA), await tableB.add(firstB)]).toEqual([true, true]);
        const [secondA, secondB] = await lab.link(a, b);
        const end = closed(firstA);
        expect(await tableB.add(secondB)).toBe(true);
        expect(await end).toMatchObject({ reason: 'link-duplicate' });
        expect(await tableA.add(secondA)).toBe(true);
        expect(tableA.get(b.identity.peer)).toBe(secondA);
        expect([...tableB.links()]).toEqual([secondB]);
      });
    });
  });
}

async function acceptedBy(person: Person): Promise<Link> {
  return person.accepted[0] ?? next(person.host.onLink);
}

const binding = (link: Link): string => Buffer.from(link.sessionBinding).toString('hex');

const unreachable = (person: Person): string => person.addresses[0]!.value.replace(/\d+$/, '1');

function echo(stream: ExecStream): boolean {
  buffer(stream).then(
    (data) => {
      stream.write(data);
      stream.exit(0);
    },
    () => stream.destroy(),
  );
  return true;
}

/** Resolves when a stream is closed, with or without an error. */
async function gone(stream: ExecStream): Promise<void> {
  stream.on('error', () => undefined);
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
}

/** Resolves when `condition` holds, looked at in each turn of the loop; the test's own timeout is the limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** True when the stream takes more within a time that is ample for anything local that is going to happen. */
function drains(stream: Writable): Promise<boolean> {
  return Promise.race([once(stream, 'drain').then(() => true), delay(200, false)]);
}

const seed = randomBytes(MIB);
function pieceOf(index: number): Buffer {
  const piece = Buffer.from(seed);
  piece.writeUInt32BE(index);
  return piece;
}

/** Writes so many MiB of known content and ends; resolves to their SHA-256. */
async function pour(stream: Writable, pieces: number): Promise<string> {
  const sum = createHash('sha256');
  for (let index = 0; index < pieces; index++) {
    const piece = pieceOf(index);
    sum.update(piece);
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
  return sum.digest('hex');
}

async function drink(stream: Readable, sum: ReturnType<typeof createHash>): Promise<void> {
  for await (const data of stream) sum.update(data as Buffer);
}

/** Cuts the transport on either side each time it has carried some more. */
function breakRepeatedly([a, b]: [Person, Person], link: Link, onCut: () => void): { stop: () => void } {
  let at = 0;
  let turn = 0;
  const timer = setInterval(() => {
    const moved = link.bytesSent + link.bytesReceived;
    if (link.state !== 'connected' || moved - at < 12 * MIB) return;
    at = moved;
    onCut();
    (turn++ % 2 === 0 ? a : b).network.cut();
  }, 1);
  return { stop: () => clearInterval(timer) };
}
