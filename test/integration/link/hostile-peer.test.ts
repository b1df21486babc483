import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  MAX_CONTROL_FRAME_BYTES,
  MAX_UNADMITTED_FRAME_BYTES,
} from '../../../extension/src/p2p/link/control-protocol.ts';
import { tcpTransport } from '../../../extension/src/p2p/transport/tcp.ts';
import { hostileDialer } from '../../support/hostile-dialer.ts';
import { arrival, closed, LinkLab, type Person } from '../../support/link-lab.ts';
import { rejectionReason } from '../../support/reason.ts';

const request = (id: number, method: string, params: unknown = {}): object => ({ jsonrpc: '2.0', id, method, params });
const notification = (method: string, params: unknown): object => ({ jsonrpc: '2.0', method, params });
const SOME_MANIFEST = { session: '0'.repeat(32) };

let lab: LinkLab;

beforeEach(() => {
  lab = new LinkLab(() => tcpTransport, '127.0.0.1');
});
afterEach(() => lab.dispose());

/** A peer that does as it likes, and its link as the victim has it. */
async function attacked(victim?: Person) {
  const who = victim ?? (await lab.person());
  const arriving = arrival(who);
  const hostile = await hostileDialer(who);
  return { hostile, link: await arriving };
}

describe('a peer that breaks the control protocol loses its link, and nobody else notices [LI8]', () => {
  it.each([
    ['no JSON', Buffer.from('{"jsonrpc":'), 'protocol-violation'],
    ['JSON that is no JSON-RPC', { hello: 'world' }, 'protocol-violation'],
    ['a batch', [request(1, 'ping')], 'protocol-violation'],
    ['a request with malformed params', request(1, 'join', { session: 'x' }), 'protocol-violation'],
    ['a notification with malformed params', notification('waiting', { seconds: 'soon' }), 'protocol-violation'],
    [
      'a frame that is too large for a stranger',
      Buffer.alloc(MAX_UNADMITTED_FRAME_BYTES + 1, 0x20),
      'message-too-large',
    ],
    ['a notification that needs admission', notification('manifest', SOME_MANIFEST), 'not-admitted'],
  ])('%s', async (_, message, reason) => {
    const victim = await lab.person();
    const other = await lab.person();
    const [bystander] = await lab.link(other, victim);
    const { hostile, link } = await attacked(victim);
    link.control.handleRequest('join', () => Promise.reject(new Error('not reached')));
    const end = closed(link);
    const told = new Promise<string>((resolve) => hostile.session.onClosed(({ message: text }) => resolve(text)));
    hostile.say(message);
    expect((await end).reason).toBe(reason);
    expect(await told).toContain(reason);
    expect(bystander.state).toBe('connected');
    expect(await bystander.control.request('ping', {})).toEqual({});
  });

  it('announces a frame of 4 GiB', async () => {
    const { hostile, link } = await attacked();
    link.admit();
    const end = closed(link);
    hostile.control.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect((await end).reason).toBe('message-too-large');
  });

  it('sends larger frames than an admitted peer may', async () => {
    const { hostile, link } = await attacked();
    link.admit();
    // Past the stranger's limit and within its own: refused for what it is, not for its size.
    const answered = new Promise((resolve) => hostile.control.on('data', resolve));
    hostile.say(request(1, 'nonsense', 'x'.repeat(MAX_UNADMITTED_FRAME_BYTES)));
    await answered;
    expect(link.state).toBe('connected');
    const end = closed(link);
    hostile.say(Buffer.alloc(MAX_CONTROL_FRAME_BYTES + 1, 0x20));
    expect((await end).reason).toBe('message-too-large');
  });

  it('floods', async () => {
    const { hostile, link } = await attacked();
    const end = closed(link);
    for (let id = 0; id < 3_000; id++) hostile.say(request(id, 'ping'));
    expect((await end).reason).toBe('rate-limited');
  });

  it('answers a request with something else', async () => {
    const { hostile, link } = await attacked();
    const end = closed(link);
    const joining = link.control.request('join', { session: '0'.repeat(32) as never, name: 'V', addresses: [] });
    hostile.say({ jsonrpc: '2.0', id: 0, result: { roster: 'none' } });
    expect(await rejectionReason(joining)).toBe('protocol-violation');
    expect((await end).reason).toBe('protocol-violation');
  });

  it('sends more on a channel than its window allows [LI7]', async () => {
    const { hostile, link } = await attacked();
    link.admit();
    const broken = new Promise<Error>((resolve) =>
      link.onExec((_, stream) => {
        stream.on('error', resolve);
        return true;
      }),
    );
    const stream = await hostile.channels.openExec('x');
    // The library counts what the other side grants in a private field.
    const { channel } = stream as unknown as { channel: { remoteWindowSize: number } };
    channel.remoteWindowSize = 2 ** 31;
    stream.on('error', () => undefined);
    for (let sent = 0; sent < 8; sent++) stream.write(Buffer.alloc(1024 * 1024));
    expect(await broken).toMatchObject({ reason: 'protocol-violation' });
  });
});

describe('what a newer peer says is no violation [LI6]', () => {
  it('ignores unknown notifications and answers unknown requests', async () => {
    const { hostile, link } = await attacked();
    link.admit();
    const { heard } = hostile;
    hostile.say(notification('from-the-future', { x: 1 }));
    hostile.say(request(7, 'from-the-future'));
    hostile.say({ jsonrpc: '2.0', id: 99, result: 'to nothing' });
    hostile.say(request(8, 'ping', { later: true }));
    // The first frame is the hello.
    while (heard.length < 3) await once(hostile.control, 'data');
    expect(heard[1]).toMatchObject({ id: 7, error: { data: { reason: 'bad-request' } } });
    expect(heard[2]).toMatchObject({ id: 8, result: {} });
    expect(link.state).toBe('connected');
  });

  it('leaves requests past a limit undone, but answered', async () => {
    const { hostile, link } = await attacked();
    link.control.handleRequest('join', () => new Promise(() => undefined));
    const { heard } = hostile;
    const join = { session: '0'.repeat(32), name: 'x', addresses: [] };
    for (let id = 0; id < 33; id++) hostile.say(request(id, 'join', join));
    while (heard.length < 2) await once(hostile.control, 'data');
    expect(heard[1]).toMatchObject({ id: 32, error: { data: { reason: 'engine-busy' } } });
    hostile.close();
  });

  it('refuses channels it does not know, and a second control channel', async () => {
    const { hostile, link } = await attacked();
    link.admit();
    await expect(hostile.session.openChannel('direct-tcpip')).rejects.toThrow();
    await expect(hostile.session.openChannel('control@peerweave')).rejects.toThrow();
    expect(link.state).toBe('connected');
  });
});
