import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  KIND_RESUME,
  LINK_ID_BYTES,
  MAC_BYTES,
  NONCE_BYTES,
  POSITION_BYTES,
  preface,
  resumeSecret,
} from '../../../extension/src/p2p/link/resume-wire.ts';
import { tcpTransport } from '../../../extension/src/p2p/transport/tcp.ts';
import { FalseHosts } from '../../support/false-hosts.ts';
import { arrival, closed, inState, LinkLab } from '../../support/link-lab.ts';

const hosts = new FalseHosts();
let lab: LinkLab;

beforeEach(() => {
  lab = new LinkLab(() => tcpTransport, '127.0.0.1');
});
afterEach(() => {
  lab.dispose();
  hosts.close();
});

describe('resuming somebody else’s link [LI3]', () => {
  const resumeRequest = (linkId: Buffer): Buffer =>
    Buffer.concat([preface(KIND_RESUME), linkId, Buffer.alloc(NONCE_BYTES)]);

  it('is refused for a link that does not exist', async () => {
    const victim = await lab.person();
    const { stream } = await tcpTransport.dial(victim.addresses[0]!);
    stream.write(resumeRequest(Buffer.alloc(LINK_ID_BYTES)));
    const [answer] = (await once(stream, 'data')) as [Buffer];
    expect(answer.subarray(0, 1).toString()).toBe('X');
    stream.destroy();
  });

  it('takes the link’s secret; without it the link stays where it is', async () => {
    const [a, b] = [await lab.person(), await lab.person()];
    const [atA, atB] = await lab.link(a, b);
    const states: string[] = [];
    atB.onState((state) => states.push(state));
    const { stream } = await tcpTransport.dial(b.addresses[0]!);
    // Even one who knows the link's name, from watching the wire, has not its key.
    stream.write(resumeRequest(resumeSecret(atA.sessionBinding).linkId));
    const [answer] = (await once(stream, 'data')) as [Buffer];
    expect(answer.subarray(0, 1).toString()).toBe('Y');
    stream.write(Buffer.alloc(2 * POSITION_BYTES + MAC_BYTES));
    stream.resume();
    await new Promise((resolve) => stream.once('close', resolve).once('end', resolve));
    expect(states).toEqual([]);
    expect(await atA.control.request('ping', {})).toEqual({});
  });

  it('does not work the other way round: an impostor at the address is passed over', async () => {
    const [a, b] = [await lab.person({ timings: { handshake: 1_000 } }), await lab.person()];
    const [atA] = await lab.link(a, b);
    const impostor = await hosts.serve((socket) => {
      socket.resume();
      socket.write(Buffer.concat([Buffer.from('Y'), Buffer.alloc(1 + NONCE_BYTES + MAC_BYTES)]));
    });
    atA.updateAddresses([impostor, ...b.addresses]);
    a.network.cut();
    await inState(atA, 'reconnecting');
    await inState(atA, 'connected');
    expect(await atA.control.request('ping', {})).toEqual({});
  });
});

describe('a transport that meddles [LI1]', () => {
  it('breaks the link at worst, and never changes what arrives', async () => {
    const [a, b] = [
      await lab.person({ timings: { reconnectWindow: 200 } }),
      await lab.person({ timings: { reconnectWindow: 200 } }),
    ];
    const address = await hosts.meddling(b.addresses[0]!, 100_000);
    const arriving = arrival(b);
    const atA = await a.host.dial({ peer: b.identity.peer, addresses: [address] });
    const atB = await arriving;
    atB.admit();
    const received: Buffer[] = [];
    atB.onExec((_, stream) => {
      stream.on('data', (data: Buffer) => received.push(data)).on('error', () => undefined);
      return true;
    });
    const end = closed(atB);
    const stream = await atA.exec('x');
    stream.on('error', () => undefined);
    stream.write(Buffer.alloc(400_000, 0x61));
    expect(['protocol-violation', 'link-lost']).toContain((await end).reason);
    expect(Buffer.concat(received).every((byte) => byte === 0x61)).toBe(true);
  });
});
