import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createIdentity, type Identity } from '../../../extension/src/p2p/link/identity.ts';
import { LinkHost } from '../../../extension/src/p2p/link/link-host.ts';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import { jsonTransport } from '../../../extension/src/p2p/transport/json.ts';
import { relayTransport } from '../../../extension/src/p2p/transport/relay.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import type { RunningServer } from '../../../server/options.ts';
import { startServer } from '../../../server/server.ts';
import { next } from '../../support/link-lab.ts';
import { Middlebox, passOn } from '../../support/middlebox.ts';
import { onRoute } from '../../support/route-lab.ts';
import { seesPeers, SignalingLab, type RoomMember } from '../../support/signaling-lab.ts';

const PROBE_MS = 2_000;

let lab: SignalingLab;
let middlebox: Middlebox;
let restarted: RunningServer | undefined;
const hosts: LinkHost[] = [];

beforeEach(async () => {
  lab = await SignalingLab.start();
  middlebox = await Middlebox.before(lab.server.url);
});

afterEach(async () => {
  for (const host of hosts.splice(0)) host.dispose();
  await lab.dispose();
  await restarted?.close({ drainMs: 0 });
  restarted = undefined;
  await middlebox.dispose();
});

/** The server ends, as at a SIGTERM that gives nobody time, and another comes in its place. */
async function restart(): Promise<void> {
  const { port } = lab.server;
  await lab.server.close({ drainMs: 0 });
  restarted = await startServer({ port });
}

function linkHost(identity: Identity, { signaling }: RoomMember): LinkHost {
  const options = { signaling, probeMs: PROBE_MS };
  const host = new LinkHost({
    identity,
    transports: [relayTransport(options), jsonTransport(options)],
    software: 'test/1',
    log: silentLogger,
    timings: { firstRetry: 5, lastRetry: 50 },
  });
  hosts.push(host);
  return host;
}

/** A link of two members, the dialer behind the middlebox, as both ends hold it. */
async function link(): Promise<[Link, Link]> {
  const [ann, bob] = [createIdentity(), createIdentity()];
  const members = [lab.member({ peer: ann.peer, urls: [middlebox.url] }), lab.member({ peer: bob.peer })] as const;
  await Promise.all(members.map(({ signaling }) => seesPeers(signaling, 1)));
  const [near, far] = [linkHost(ann, members[0]), linkHost(bob, members[1])];
  const listeners = [await far.listen({ tier: 'relay' }), await far.listen({ tier: 'json' })];
  const arriving = next(far.onLink);
  const dialed = await near.dial({ peer: bob.peer, addresses: listeners.flatMap(({ addresses }) => addresses) });
  const accepted = await arriving;
  for (const end of [dialed, accepted]) end.admit();
  return [dialed, accepted];
}

const piece = randomBytes(1024 * 1024);

/** Sends so many pieces to whoever asks. */
function serve(end: Link, count: number): void {
  end.onExec((_, stream) => {
    void (async () => {
      for (let i = 0; i < count; i++) if (!stream.write(piece)) await once(stream, 'drain');
      stream.exit(0);
    })();
    return true;
  });
}

/** Reads them all, and calls `at` with the bytes that have come so far. Throws when one is not as it was sent. */
async function fetch(end: Link, count: number, at: (bytes: number) => void): Promise<void> {
  const stream = await end.exec('pour');
  stream.end();
  const [sum, expected] = [createHash('sha256'), createHash('sha256')];
  let read = 0;
  for await (const data of stream) {
    sum.update(data as Buffer);
    read += (data as Buffer).length;
    at(read);
  }
  for (let i = 0; i < count; i++) expected.update(piece);
  expect(read).toBe(count * piece.length);
  expect(sum.digest('hex')).toBe(expected.digest('hex'));
}

it('a link goes on by JSON when binary frames are changed and then dropped in the middle of a transfer: no byte is lost [LI3, LI4]', async () => {
  const [near, far] = await link();
  await onRoute(near, 'relay');
  const states: string[] = [];
  near.onState((state) => states.push(state));
  serve(far, 24);
  await fetch(near, 24, (bytes) => {
    if (bytes < piece.length * 8 || middlebox.rule !== passOn) return;
    let flipped = false;
    middlebox.rule = (passing) => {
      if (!passing.binary) return passOn(passing);
      if (flipped) return [];
      flipped = true;
      const message = Buffer.from(passing.message);
      message[message.length >> 1]! ^= 1;
      return [message];
    };
  });
  expect(near.route).toBe('json');
  expect(states).not.toContain('closed');
  expect(near.traffic.get('relay')?.received).toBeGreaterThan(0);
  expect(near.traffic.get('json')?.received).toBeGreaterThan(0);
});

it('a link that was made by JSON moves to relay when binary frames come through again', async () => {
  middlebox.rule = (passing) => (passing.binary ? [] : passOn(passing));
  const [near] = await link();
  expect(near.route).toBe('json');
  middlebox.rule = passOn;
  await onRoute(near, 'relay');
  expect(await near.control.request('ping', {})).toEqual({});
});

it('a transfer goes on when the server was restarted under it, and loses no byte [LI4]', async () => {
  const [near, far] = await link();
  const states: string[] = [];
  near.onState((state) => states.push(state));
  serve(far, 24);
  let restarting: Promise<void> | undefined;
  await fetch(near, 24, (bytes) => {
    if (bytes > piece.length * 8) restarting ??= restart();
  });
  await restarting;
  expect(states).toContain('reconnecting');
  expect(states).not.toContain('closed');
});
