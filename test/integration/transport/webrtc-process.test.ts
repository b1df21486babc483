import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pipe } from '../../../extension/src/p2p/transport/transport.ts';
import { WebRtcProcess, type WebRtcProcessOptions } from '../../../extension/src/p2p/transport/webrtc-process.ts';
import { webrtcTransport } from '../../../extension/src/p2p/transport/webrtc.ts';
import { messageOf } from '../../../extension/src/shared/errors.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { SignalingLab, type RoomMember } from '../../support/signaling-lab.ts';

describe('the process that WebRTC runs in', () => {
  let lab: SignalingLab;
  let near: RoomMember;
  let far: RoomMember;

  beforeEach(async () => {
    lab = await SignalingLab.start();
    [near, far] = (await lab.joined(2)) as [RoomMember, RoomMember];
    await webrtcTransport(far.signaling, { log: silentLogger }).listen({ onPipe: ({ stream }) => stream.pipe(stream) });
  });
  afterEach(() => lab.dispose());

  function setUp(options: WebRtcProcessOptions = {}) {
    const process = new WebRtcProcess(options);
    const transport = webrtcTransport(near.signaling, { log: silentLogger, process });
    return { process, dial: () => transport.dial({ tier: 'webrtc', value: far.signaling.self.tag }) };
  }

  async function echoes({ stream }: Pipe): Promise<void> {
    stream.end('hello');
    expect(await text(stream)).toBe('hello');
  }

  const endOf = ({ stream }: Pipe): Promise<unknown> =>
    new Promise((resolve) => stream.resume().once('error', resolve));

  it('is started when it is wanted, once for all, and ends when it is not [ED1]', async () => {
    const { process: webrtc, dial } = setUp({ pingMs: 500, idleMs: 500 });
    expect(webrtc.pid).toBeUndefined();
    const pipes = await Promise.all([dial(), dial()]);
    const pid = webrtc.pid!;
    expect(isRunning(pid)).toBe(true);
    await Promise.all(pipes.map(echoes));
    while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(webrtc.pid).toBeUndefined();
    await echoes(await dial());
  });

  it('takes only its pipes along when it crashes, with a reason, and is started anew', async () => {
    const { process: webrtc, dial } = setUp();
    const pipe = await dial();
    const end = endOf(pipe);
    process.kill(webrtc.pid!, 'SIGKILL');
    expect(await end).toMatchObject({ reason: 'link-lost' });
    await echoes(await dial());
  });

  it('is ended when it hangs, even so that only the kernel can end it', async () => {
    const { process: webrtc, dial } = setUp({ pingMs: 500 });
    const pipe = await dial();
    const { pid } = webrtc;
    const end = endOf(pipe);
    process.kill(pid!, 'SIGSTOP');
    expect(await end).toMatchObject({ reason: 'link-lost', message: 'The process that WebRTC runs in hung.' });
    while (isRunning(pid!)) await new Promise((resolve) => setTimeout(resolve, 5));
    await echoes(await dial());
  });

  it('is not started for each attempt when it dies each time', async () => {
    const { dial } = setUp({ now: () => 0, entry: new URL('../../support/dying-process.ts', import.meta.url) });
    const failures: string[] = [];
    for (let i = 0; i < 7; i++) await dial().catch((error: unknown) => failures.push(messageOf(error)));
    expect(failures.slice(0, 5).every((message) => message.includes('has ended'))).toBe(true);
    expect(failures.slice(5).every((message) => message.includes('again and again'))).toBe(true);
  });

  it('says so where there is no WebRTC, and is not asked again', async () => {
    const entry = new URL('../../support/unavailable-process.ts', import.meta.url);
    const { process: webrtc, dial } = setUp({ entry });
    for (let i = 0; i < 2; i++) {
      const dialing = dial();
      await expect(dialing).rejects.toMatchObject({ reason: 'unreachable' });
      await expect(dialing).rejects.toThrow('There is no WebRTC on this machine.');
    }
    expect(webrtc.pid).toBeUndefined();
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
