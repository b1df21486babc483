import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../../server/options.ts';
import { startServer } from '../../../server/server.ts';
import { meet, randomId, ServerClient } from '../../support/server-client.ts';

describe('the signaling server', () => {
  let server: RunningServer;
  let room: string;
  beforeEach(async () => {
    server = await startServer();
    room = randomId();
  });
  afterEach(() => server.close({ drainMs: 0 }));

  it('tells a newcomer who is there, and everybody who comes and goes', async () => {
    const ada = await ServerClient.join(server.url, room);
    const bob = await ServerClient.open(server.url);
    bob.join(room);
    expect(await bob.next('joined')).toMatchObject({ peers: [ada.self] });
    expect(await ada.next('peer-joined')).toEqual({ type: 'peer-joined', ...bob.self });
    await bob.close();
    expect(await ada.next('peer-left')).toEqual({ type: 'peer-left', peer: bob.self.peer });
  });

  it('keeps rooms apart: presence, signals and meetings', async () => {
    const ada = await ServerClient.join(server.url, room);
    const eve = await ServerClient.join(server.url, randomId());
    eve.send({ type: 'signal', to: ada.self.peer, body: 'hello' });
    expect(await eve.next('error')).toMatchObject({ reason: 'peer-unknown', fatal: false });
    eve.send({ type: 'meet', to: ada.self.peer, request: 7 });
    expect(await eve.next('error')).toMatchObject({ reason: 'peer-unknown', fatal: false, request: 7 });
    ada.send({ type: 'ice' });
    await ada.next('ice');
    expect(ada.rest).toEqual([]);
  });

  it('passes a signal on to that one peer, with the sender’s own id', async () => {
    const [ada, bob, cyd] = await Promise.all([1, 2, 3].map(() => ServerClient.join(server.url, room)));
    ada!.send({ type: 'signal', to: bob!.self.peer, body: 'sealed' });
    expect(await bob!.next('signal')).toEqual({ type: 'signal', from: ada!.self.peer, body: 'sealed' });
    cyd!.send({ type: 'ice' });
    await cyd!.next('ice');
    expect(cyd!.rest.filter(({ type }) => type === 'signal')).toEqual([]);
  });

  it('passes binary frames of a meeting on unchanged, both ways, in order', async () => {
    const ada = await ServerClient.join(server.url, room);
    const bob = await ServerClient.join(server.url, room);
    const session = await meet(ada, bob);
    for (let sequence = 0; sequence < 50; sequence++) ada.sendFrame(session, sequence, Buffer.alloc(1_000, sequence));
    for (let sequence = 0; sequence < 50; sequence++) {
      const { frame } = await bob.next('frame');
      expect(frame.readBigUInt64BE(34)).toBe(BigInt(sequence));
      expect(frame.subarray(42)).toEqual(Buffer.alloc(1_000, sequence));
    }
    bob.sendFrame(session, 0, Buffer.from('back'));
    expect((await ada.next('frame')).frame.subarray(42).toString()).toBe('back');
  });

  it('passes data messages of a meeting on unchanged', async () => {
    const ada = await ServerClient.join(server.url, room);
    const bob = await ServerClient.join(server.url, room);
    const session = await meet(ada, bob);
    const sent = { type: 'data', session, peer: ada.self.peer, sequence: 0, data: 'AAEC' } as const;
    ada.send(sent);
    expect(await bob.next('data')).toEqual(sent);
  });

  it('lets both ends attach on connections of their own, which outlive those that joined', async () => {
    const ada = await ServerClient.join(server.url, room);
    const bob = await ServerClient.join(server.url, room);
    ada.send({ type: 'meet', to: bob.self.peer, request: 1 });
    const [mine, theirs] = [await ada.next('meeting'), await bob.next('meeting')];
    expect(mine).toMatchObject({ with: bob.self.peer, request: 1, session: theirs.session });
    expect(theirs).toMatchObject({ with: ada.self.peer });
    const [adaRelay, bobRelay] = [await ServerClient.open(server.url), await ServerClient.open(server.url)];
    adaRelay.attach(mine.ticket);
    expect(await adaRelay.next('attached')).toMatchObject({ ready: false });
    bobRelay.attach(theirs.ticket);
    expect(await bobRelay.next('attached')).toMatchObject({ ready: true });
    expect(await adaRelay.next('attached')).toMatchObject({ ready: true });
    await Promise.all([ada.close(), bob.close()]);
    adaRelay.sendFrame(mine.session, 0, Buffer.from('still'), ada.self.peer);
    expect((await bobRelay.next('frame')).frame.subarray(42).toString()).toBe('still');
  });

  it('tells the other end when one detaches or dies', async () => {
    const ada = await ServerClient.join(server.url, room);
    const bob = await ServerClient.join(server.url, room);
    const first = await meet(ada, bob);
    const second = await meet(ada, bob);
    ada.send({ type: 'detach', session: first });
    expect(await bob.next('detached')).toEqual({ type: 'detached', session: first });
    await ada.close();
    expect(await bob.next('detached')).toEqual({ type: 'detached', session: second });
  });
});
