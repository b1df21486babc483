import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { next } from '../../support/link-lab.ts';
import { OddServers } from '../../support/odd-servers.ts';
import { rejectionReason } from '../../support/reason.ts';
import { seesPeers, SignalingLab } from '../../support/signaling-lab.ts';
import { startServer } from '../../../server/server.ts';

describe('what servers refuse', () => {
  let lab: SignalingLab | undefined;
  const odd = new OddServers();
  afterEach(async () => {
    await lab?.dispose();
    odd.dispose();
  });

  const start = async (...options: Parameters<typeof SignalingLab.start>): Promise<SignalingLab> =>
    (lab = await SignalingLab.start(...options));

  it('a full room: says that somebody has to leave, and joins when somebody did', async () => {
    const [ann] = await (await start({ limits: { peersPerRoom: 2 } })).joined(2);
    const late = lab!.member({ random: () => 0 });
    expect(await rejectionReason(late.signaling.joined())).toBe('room-full');
    expect(late.signaling.problem).toContain('Somebody has to leave first');
    expect(late.signaling.state).toBe('connecting');
    // Those who are in do not notice.
    expect(ann!.signaling.state).toBe('joined');
    ann!.signaling.dispose();
    await joinedAgain(late.signaling, 1);
  });

  it.each<[string, string | undefined, string]>([
    ['no token', undefined, 'Ask its operator for the token'],
    ['a wrong token', 'wrong-token', 'Ask its operator for the token'],
  ])('%s, where one is wanted', async (_, token, hint) => {
    const { signaling, log } = (await start({ token: 'right-token' })).member({ token });
    expect(await rejectionReason(signaling.joined())).toBe('signaling-refused');
    expect(signaling.problem).toContain(hint);
    expect(log.join()).not.toMatch(/(right|wrong)-token/);
  });

  it('nobody who has the token, for meetings neither', async () => {
    const [ann, bob] = await (await start({ token: 'right-token' })).joined(2, { token: 'right-token' });
    const socket = await ann!.signaling.openMeeting(await ann!.signaling.meet(bob!.signaling.self));
    const [answer] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(answer.toString())).toMatchObject({ type: 'attached' });
    socket.close();
  });

  it('too many connections from one network: says so, and keeps those that are there', async () => {
    const members = await (await start({ limits: { connectionsPerAddress: 2 } })).joined(2);
    const late = lab!.member();
    expect(await rejectionReason(late.signaling.joined())).toBe('rate-limited');
    expect(members.map(({ signaling }) => signaling.state)).toEqual(['joined', 'joined']);
  });

  it('too many messages: they are paced, none is lost, and the connection stays', async () => {
    const [ann, bob] = await (await start()).joined(2);
    let heard = 0;
    // More than a server takes at once of ours, less than a member hears at once of another.
    const all = next(bob!.signaling.onMessage, () => ++heard === 390);
    for (let i = 0; i < 390; i++) {
      const attempt = String(i).padStart(22, 'A');
      ann!.signaling.send(bob!.signaling.self, { kind: 'candidate', attempt, candidate: 'candidate:1', mid: '0' });
    }
    await all;
    expect(ann!.signaling.state).toBe('joined');
  });

  it('another version of the protocol: says that an update is due', async () => {
    const port = await odd.webSocket((socket) => {
      socket.once('message', () => {
        const message = 'secret plans \u001b[2J';
        socket.send(JSON.stringify({ type: 'error', reason: 'version', message, fatal: true }));
      });
    });
    const { signaling, log } = (await start()).member({ urls: [`ws://127.0.0.1:${port}`] });
    expect(await rejectionReason(signaling.joined())).toBe('signaling-refused');
    expect(signaling.problem).toContain('One of the two needs an update');
    // What a server writes is not shown.
    expect(signaling.problem! + log.join()).not.toContain('secret plans');
  });

  it('[SE8] never bring a secret into a log or a message', async () => {
    const secret = randomBytes(16);
    const { port } = (await start({ token: 'op-token-1' })).server;
    const { signaling, log } = lab!.member({
      urls: [`ws://ann:pass-word@127.0.0.1:${port}/?key=query-key`, 'ws://127.0.0.1:1'],
      secret,
      token: 'op-token-2',
    });
    expect(await rejectionReason(signaling.joined())).toBe('signaling-refused');
    const said = [...log, signaling.problem, signaling.url].join('\n');
    expect(said).toContain(`ws://127.0.0.1:${port}`);
    for (const hidden of ['pass-word', 'query-key', 'op-token', secret.toString('hex'), secret.toString('base64url')]) {
      expect(said).not.toContain(hidden);
    }
  });
});

describe('what happens to servers', () => {
  const odd = new OddServers();
  let lab: SignalingLab | undefined;
  afterEach(async () => {
    await lab?.dispose();
    lab = undefined;
    odd.dispose();
  });

  it('one restarts: members are told, come back, and find each other', async () => {
    const first = await startServer({ limits: { goAwaySpreadMs: 100, drainMs: 1_000 } });
    lab = await SignalingLab.start();
    const members = [0, 1, 2].map(() => lab!.member({ urls: [first.url] }));
    await Promise.all(members.map(({ signaling }) => seesPeers(signaling, 2)));
    const away = next(members[0]!.signaling.onState, (state) => state === 'connecting');
    await Promise.all([first.close(), away]);
    expect(members[0]!.signaling.problem).toMatch(/restarting|nothing listens/);
    const second = await startServer({ port: first.port });
    await Promise.all(members.map(({ signaling }) => joinedAgain(signaling, 2)));
    expect(members.map(({ signaling }) => signaling.state)).toEqual(['joined', 'joined', 'joined']);
    for (const { signaling } of members) signaling.dispose();
    await second.close();
  });

  it('the preferred one is away: all meet on the spare one, and on the preferred one when it is back', async () => {
    const { port } = await closedServer();
    lab = await SignalingLab.start();
    const urls = [`ws://127.0.0.1:${port}`, lab.server.url];
    const members = [0, 1].map(() => lab!.member({ urls }));
    await Promise.all(members.map(({ signaling }) => seesPeers(signaling, 1)));
    expect(members.map(({ signaling }) => signaling.url)).toEqual([lab.server.url, lab.server.url]);
    const preferred = await startServer({ port });
    for (const { signaling } of members) signaling.networkChanged();
    for (const { signaling } of members) {
      while (signaling.url !== urls[0] || signaling.peers.length === 0) await next(signaling.onPeers);
    }
    for (const { signaling } of members) signaling.dispose();
    await preferred.close();
  });

  const misbehave = async (act: (socket: WebSocket) => void, hint: RegExp): Promise<void> => {
    lab = await SignalingLab.start();
    let rounds = 0;
    const port = await odd.webSocket((socket) => {
      rounds += 1;
      socket.once('message', () => {
        socket.send(JSON.stringify({ type: 'joined', peers: [], ice: [], iceSeconds: 0 }));
        act(socket);
      });
    });
    const { signaling } = lab.member({ urls: [`ws://127.0.0.1:${port}`, lab.server.url] });
    const problems: (string | undefined)[] = [];
    signaling.onState(() => problems.push(signaling.problem));
    await next(signaling.onState, () => signaling.url === lab!.server.url && signaling.state === 'joined');
    expect(problems.join('\n')).toMatch(hint);
    expect(rounds).toBeGreaterThan(0);
  };

  it('[LI8] one sends a frame that is too long: another is used', async () => {
    await misbehave((socket) => socket.send('x'.repeat(64 * 1024 + 1)), /sent what no WebSocket takes/);
  });

  it('[LI8] one announces a frame of 8 EiB: it is not waited for', async () => {
    await misbehave((socket) => {
      const raw = (socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket;
      raw.write(Buffer.from('827f7fffffffffffffff', 'hex'));
    }, /sent what no WebSocket takes/);
  });

  it('[LI8] one sends text that is no UTF-8', async () => {
    await misbehave((socket) => socket.send(Buffer.from('ff', 'hex'), { binary: false }), /no WebSocket takes/);
  });

  it('[LI8] one compresses though nobody asked for it', async () => {
    await misbehave((socket) => {
      const raw = (socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket;
      raw.write(Buffer.from('c10178', 'hex'));
    }, /no WebSocket takes/);
  });

  it('[LI8] one floods without end: it is cut off, and memory does not grow with what it has to say', async () => {
    const before = process.memoryUsage().rss;
    let offered = 0;
    await misbehave((socket) => {
      const text = `{"type":"weather","is":"${'x'.repeat(60_000)}"}`;
      const pour = (): void => {
        if (socket.readyState !== socket.OPEN) return;
        offered += text.length;
        socket.send(text, pour);
      };
      for (let i = 0; i < 4; i++) pour();
    }, /far more than there is to say/);
    expect(offered).toBeLessThan(200 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });
});

async function closedServer(): Promise<{ port: number }> {
  const server = await startServer();
  await server.close();
  return server;
}

/** As `seesPeers`, for one that may be between two attempts. */
async function joinedAgain(signaling: Parameters<typeof seesPeers>[0], count: number): Promise<void> {
  while (signaling.state !== 'joined') await next(signaling.onState);
  await seesPeers(signaling, count);
}
