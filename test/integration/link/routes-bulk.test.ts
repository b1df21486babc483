import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import { drink } from '../../support/read-all.ts';
import { onRoute, RouteLab, tcpTiers, type Traveller } from '../../support/route-lab.ts';

const MB = 1_000_000;
/** Up and down as often as it takes. */
const MOVES = 24;

let lab: RouteLab;
beforeEach(() => {
  lab = new RouteLab(tcpTiers);
});
afterEach(() => lab.dispose());

describe('much data over changing routes', () => {
  it.each([
    ['one way', 100, 0],
    ['both ways', 50, 50],
  ])('[LI3] 100 MB, %s: every byte, once, in order, over upgrades and downgrades', async (_, up, down) => {
    const [a, b] = [await lab.person(['tcp', 'webrtc', 'relay']), await lab.person(['tcp', 'webrtc', 'relay'])];
    const [atA, atB] = await lab.link(a, b);
    const served = new Promise<[string, string]>((resolve) =>
      atB.onExec((_command, stream) => {
        resolve(Promise.all([pour(stream, down), drink(stream)]));
        return true;
      }),
    );
    const stream = await atA.exec('bulk');
    const transfer = Promise.all([pour(stream, up), drink(stream)]);
    const states: string[] = [];
    for (const link of [atA, atB]) link.onState((state) => states.push(state));
    await shuffle([a, b], atA, (up + down) * MB);
    const [sentUp, gotDown] = await transfer;
    const [sentDown, gotUp] = await served;
    expect([gotUp, gotDown]).toEqual([sentUp, sentDown]);
    expect(states).not.toContain('closed');
    expect(atA.moves).toBeGreaterThanOrEqual(MOVES);
    expect(atA.traffic.size).toBeGreaterThan(1);
  });
});

/** Takes the best route away and gives it back, evenly over so many bytes; upgrades are left to the link. */
async function shuffle([a, b]: [Traveller, Traveller], link: Link, bytes: number): Promise<void> {
  const moved = (): number => link.bytesSent + link.bytesReceived;
  const rounds = MOVES / 2;
  for (let round = 0; round < rounds; round++) {
    await until(() => moved() > (round / rounds) * 0.9 * bytes);
    const tier = a.tier(round % 3 === 2 ? 'webrtc' : 'tcp');
    const other = round % 3 === 2 ? a.tier('tcp') : undefined;
    for (const each of [tier, other]) if (each) each.dialing = false;
    // Now one end notices first, now the other.
    for (const each of [tier, other]) if (each) (round % 2 === 0 ? a : b).tier(each.tier).cut();
    await onRoute(link, other ? 'relay' : 'webrtc');
    for (const each of [tier, other]) if (each) each.dialing = true;
    await onRoute(link, 'tcp');
  }
}

/** Looked at in each turn of the loop; the test's own timeout is the limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

function pieceOf(index: number): Buffer {
  const piece = Buffer.alloc(MB, index);
  for (let at = 0; at < piece.length; at += 4_000) piece.writeUInt32BE(index * MB + at, at);
  return piece;
}

/** Writes so many MB of known content and ends; resolves to their SHA-256. */
async function pour(stream: Duplex, pieces: number): Promise<string> {
  const sum = createHash('sha256');
  for (let index = 0; index < pieces; index++) {
    const piece = pieceOf(index);
    sum.update(piece);
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
  return sum.digest('hex');
}
