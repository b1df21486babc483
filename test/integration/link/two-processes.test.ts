import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { tcpTransport } from '../../../extension/src/p2p/transport/tcp.ts';
import type { TransportAddress } from '../../../extension/src/p2p/transport/transport.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';
import type { LinkTimings } from '../../../extension/src/p2p/link/link-timings.ts';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import { closed, inState, LinkLab, type Person } from '../../support/link-lab.ts';

const MB = 1_000_000;

interface Served {
  readonly peer: PeerId;
  readonly addresses: TransportAddress[];
}

describe('two processes over TCP', () => {
  let lab: LinkLab;
  let child: ChildProcess;
  let served: Served;

  beforeEach(async () => {
    lab = new LinkLab(() => tcpTransport, '127.0.0.1');
    child = fork(join(import.meta.dirname, '../../support/link-process.ts'), { execArgv: [] });
    [served] = (await once(child, 'message')) as [Served];
  });
  afterEach(() => {
    lab.dispose();
    child.kill('SIGKILL');
  });

  async function dial(timings: Partial<LinkTimings> = {}): Promise<{ person: Person; link: Link }> {
    const person = await lab.person({ timings });
    const link = await person.host.dial(served);
    link.admit();
    // Answered only by a link that is complete, and admitted, on the other side too.
    await link.control.request('ping', {});
    return { person, link };
  }

  async function pour(link: Link, bytes: number, onData: (read: number) => void = () => undefined): Promise<number> {
    const stream = await link.exec(`pour ${bytes}`);
    stream.end();
    let read = 0;
    for await (const data of stream) onData((read += (data as Buffer).length));
    return read;
  }

  it('moves 100 MB each way, with the socket cut on the way [LI3]', async () => {
    const { person, link } = await dial();
    let cuts = 0;
    const read = await pour(link, 100 * MB, (so) => {
      if (so < (cuts + 1) * 20 * MB || link.state !== 'connected') return;
      cuts += 1;
      person.network.cut();
    });
    expect(read).toBe(100 * MB);
    expect(cuts).toBeGreaterThanOrEqual(3);
    const stream = await link.exec('count');
    const answer = text(stream);
    const chunk = Buffer.alloc(MB);
    for (let sent = 0; sent < 100; sent++) {
      if (sent % 30 === 29) person.network.cut();
      if (!stream.write(chunk)) await once(stream, 'drain');
    }
    stream.end();
    expect(await answer).toBe(String(100 * MB));
  });

  it('keeps the memory of a sender flat, whatever it sends and however slowly it is read [LI7]', async () => {
    const { link } = await dial();
    const memory = async (): Promise<number> => {
      child.send('memory');
      const [{ rss }] = (await once(child, 'message')) as [{ rss: number }];
      return rss;
    };
    // One transfer first, so that code and pools are there.
    await pour(link, 100 * MB);
    const before = await memory();
    const stuck = await link.exec(`pour ${2_000 * MB}`);
    stuck.end();
    await once(stuck, 'readable');
    await pour(link, 200 * MB);
    const after = await memory();
    stuck.destroy();
    expect(after - before).toBeLessThan(64 * MB);
  });

  it('notices a process that hangs, and goes on when it does [LI9]', async () => {
    const { link } = await dial({ keepAlive: 20, silence: 150, handshake: 1_500 });
    child.kill('SIGSTOP');
    await inState(link, 'reconnecting');
    const answer = link.control.request('ping', {});
    child.kill('SIGCONT');
    await inState(link, 'connected');
    expect(await answer).toEqual({});
    expect(await pour(link, MB)).toBe(MB);
  });

  it('loses the link of a process that dies, in the middle of a transfer, with a reason [LI4]', async () => {
    const { link } = await dial({ reconnectWindow: 200 });
    const end = closed(link);
    const broken = pour(link, 2_000 * MB, () => child.kill('SIGKILL'));
    await expect(broken).rejects.toMatchObject({ reason: 'link-lost' });
    expect((await end).reason).toBe('link-lost');
  });
});

describe('fingerprints', () => {
  it('are what `ssh-keygen -l` prints', () => {
    const directory = mkdtempSync(join(tmpdir(), 'peerweave-key-'));
    try {
      for (let round = 0; round < 5; round++) {
        const identity = createIdentity();
        const file = join(directory, `key-${round}`);
        writeFileSync(
          `${file}.pub`,
          `ecdsa-sha2-nistp256 ${Buffer.from(identity.publicKey).toString('base64')} test\n`,
        );
        const printed = execFileSync('ssh-keygen', ['-l', '-f', `${file}.pub`]).toString();
        expect(printed).toBe(`256 ${identity.peer} test (ECDSA)\n`);
        // The private key is one that OpenSSH reads too, and to the same public key.
        writeFileSync(file, identity.pem, { mode: 0o600 });
        const derived = execFileSync('ssh-keygen', ['-y', '-f', file]).toString().split(' ')[1]?.trim();
        expect(derived).toBe(Buffer.from(identity.publicKey).toString('base64'));
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
