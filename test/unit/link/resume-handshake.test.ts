import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { readExactly } from '../../../extension/src/p2p/link/read-exactly.ts';
import {
  acceptResume,
  offerResume,
  readResumeRequest,
  refuseResume,
  UnknownLinkError,
  type ResumeOffer,
} from '../../../extension/src/p2p/link/resume-handshake.ts';
import { MAC_BYTES, POSITION_BYTES, PREFACE_BYTES, resumeSecret } from '../../../extension/src/p2p/link/resume-wire.ts';
import { ResumableStream } from '../../../extension/src/p2p/link/resumable-stream.ts';
import type { Pipe } from '../../../extension/src/p2p/transport/transport.ts';
import { keepBack, memoryPipes, turns } from '../../support/memory-pipes.ts';

const acceptor = createIdentity();
const secret = resumeSecret(randomBytes(32));
let dialerEnd: ResumableStream;
let acceptorEnd: ResumableStream;
let lastTurn: number;

beforeEach(async () => {
  [dialerEnd, acceptorEnd, lastTurn] = [new ResumableStream(), new ResumableStream(), 0];
  const [near, far] = await memoryPipes();
  dialerEnd.attach(near);
  acceptorEnd.attach(far);
});

const claim = (turn: number): boolean => turn > lastTurn && (lastTurn = turn) > 0;

/** The acceptor answers on `far` as a host does: what fails costs the pipe. */
function serve(far: Pipe): Promise<string> {
  return (async () => {
    await readExactly(far.stream, PREFACE_BYTES);
    await acceptResume(far, await readResumeRequest(far), { stream: acceptorEnd, secret }, claim);
    return 'moved';
  })().catch((error: unknown) => {
    far.stream.destroy();
    return (error as Error).message;
  });
}

const ask = (near: Pipe): Promise<ResumeOffer> =>
  offerResume(near, { stream: dialerEnd, secret }, acceptor.publicKey, () => 0);

async function offered(): Promise<{ offer: ResumeOffer; near: Pipe; far: Pipe; served: Promise<string> }> {
  const [near, far] = await memoryPipes();
  const served = serve(far);
  return { offer: await ask(near), near, far, served };
}

/** What one end sends arrives at the other as it was sent. */
async function works(): Promise<void> {
  for (const [from, to] of [
    [dialerEnd, acceptorEnd],
    [acceptorEnd, dialerEnd],
  ] as const) {
    const bytes = randomBytes(1_000);
    await from.write(bytes);
    const got: Buffer[] = [];
    for (let read = 0; read < bytes.length;) {
      const data = (await to.read(300))!;
      got.push(data);
      read += data.length;
    }
    expect(Buffer.concat(got)).toEqual(bytes);
  }
}

describe('moving a link to another transport [LI3]', () => {
  it('happens on both ends, and not before both have agreed', async () => {
    const [dialerHad, acceptorHad] = [dialerEnd.current, acceptorEnd.current];
    const { offer, near, far, served } = await offered();
    await turns();
    expect([dialerEnd.current, acceptorEnd.current]).toEqual([dialerHad, acceptorHad]);
    await works();
    const release = keepBack(far);
    const taking = offer.take(1);
    await turns();
    expect([dialerEnd.current, acceptorEnd.current]).toEqual([dialerHad === near ? near : undefined, far]);
    release();
    await taking;
    expect(dialerEnd.current).toBe(near);
    expect(await served).toBe('moved');
    await works();
  });

  it('goes on with the right byte when more was acknowledged over the old transport meanwhile', async () => {
    const { offer, near } = await offered();
    const release = keepBack(near);
    const taking = offer.take(1);
    // So much that it is acknowledged, which overtakes what is on its way over the new transport.
    const bytes = randomBytes(300_000);
    await acceptorEnd.write(bytes);
    await turns();
    expect(acceptorEnd.acknowledgedByPeer).toBeGreaterThan(0);
    release();
    await taking;
    const got: Buffer[] = [];
    for (let read = 0; read < bytes.length; read += got.at(-1)!.length) got.push((await dialerEnd.read(50_000))!);
    expect(Buffer.concat(got).equals(bytes)).toBe(true);
    await works();
  });

  it('is not made for a message that was long under way, when the link has gone elsewhere', async () => {
    const [late, newer] = [await offered(), await offered()];
    await newer.offer.take(2);
    const taking = late.offer.take(1);
    await expect(taking).rejects.toThrow();
    expect(await late.served).toContain('elsewhere');
    expect([dialerEnd.current, acceptorEnd.current]).toEqual([newer.near, newer.far]);
    await works();
  });

  it('is not made for who does not know the link’s secret, on either end', async () => {
    const [near, far] = await memoryPipes();
    const served = serve(far);
    const other = resumeSecret(randomBytes(32));
    const guess = { linkId: secret.linkId, key: other.key };
    const asking = offerResume(near, { stream: dialerEnd, secret: guess }, acceptor.publicKey, () => 0);
    await expect(asking).rejects.toMatchObject({ reason: 'authentication-failed' });
    near.stream.write(Buffer.alloc(2 * POSITION_BYTES + MAC_BYTES));
    expect(await served).toContain('not the other end');
    await works();
  });

  it('is not made when the acceptor’s last word is not its own', async () => {
    const { offer, near, far } = await offered();
    const before = dialerEnd.current;
    far.stream.write = () => true;
    const taking = offer.take(1);
    await turns();
    near.stream.unshift(Buffer.alloc(2 * POSITION_BYTES + MAC_BYTES));
    await expect(taking).rejects.toMatchObject({ reason: 'authentication-failed' });
    expect(dialerEnd.current === near).toBe(false);
    expect(before?.stream.destroyed).toBe(true);
  });
});

describe('a link that the other side does not know [LI4]', () => {
  const refused = async (by: typeof acceptor, nonce?: Buffer): Promise<unknown> => {
    const [near, far] = await memoryPipes();
    const asking = ask(near);
    await readExactly(far.stream, PREFACE_BYTES);
    const request = await readResumeRequest(far);
    refuseResume(far, nonce ? { ...request, nonce } : request, by);
    return asking.catch((error: unknown) => error);
  };

  it('is given up when the peer itself says so', async () =>
    expect(await refused(acceptor)).toBeInstanceOf(UnknownLinkError));
  it('is not given up for a stranger at an old address', async () =>
    expect(await refused(createIdentity())).toMatchObject({ reason: 'authentication-failed' }));
  it('is not given up for what the peer said another time', async () =>
    expect(await refused(acceptor, randomBytes(16))).toMatchObject({ reason: 'authentication-failed' }));
});
