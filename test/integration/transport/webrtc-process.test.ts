import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pipe } from '../../../extension/src/p2p/transport/transport.ts';
import { WebRtcProcess, type WebRtcProcessOptions } from '../../../extension/src/p2p/transport/webrtc-process.ts';
import { frameReader, FrameWriter, PIPE_FD } from '../../../extension/src/p2p/transport/webrtc-process/frame-pipe.ts';
import type { FromProcess, ToProcess } from '../../../extension/src/p2p/transport/webrtc-process/wire.ts';
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

  it('is refused, and nothing else, when no more files can be opened', async () => {
    const engine = fileURLToPath(new URL('../../support/starved-engine.ts', import.meta.url));
    const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -n 64; "$0" "$1"', process.execPath, engine]);
    expect(stdout).toBe('WebRTC cannot be started: too many files are open.\n');
  });

  it('is not started for each attempt when it dies each time', async () => {
    const { dial } = setUp({ now: () => 0, entry: new URL('../../support/dying-process.ts', import.meta.url) });
    const failures: string[] = [];
    for (let i = 0; i < 7; i++) await dial().catch((error: unknown) => failures.push(messageOf(error)));
    expect(failures.slice(0, 5).every((message) => message.includes('has ended'))).toBe(true);
    expect(failures.slice(5).every((message) => message.includes('again and again'))).toBe(true);
  });

  it('is ended when it does not keep to its frames', async () => {
    const { process: webrtc, dial } = setUp({ entry: new URL('../../support/babbling-process.ts', import.meta.url) });
    await expect(dial()).rejects.toThrow('makes no sense: a frame of 0 bytes for connection 0');
    expect(webrtc.pid).toBeUndefined();
  });

  it('ends when its engine is gone, or says what makes no sense', async () => {
    const entry = fileURLToPath(
      new URL('../../../extension/src/p2p/transport/webrtc-process/main.ts', import.meta.url),
    );
    for (const last of [Buffer.alloc(0), Buffer.alloc(8)]) {
      const child = fork(entry, [], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc', 'overlapped'] });
      const pipe = child.stdio[PIPE_FD] as Socket;
      const reader = frameReader<FromProcess>({
        control: () => pipe.end(last),
        data: () => expect.unreachable(),
      });
      pipe.on('data', (chunk: Buffer) => reader.push(chunk)).on('error', () => undefined);
      new FrameWriter<ToProcess>(pipe).say({ kind: 'ping' });
      expect(await once(child, 'exit')).toEqual([last.length === 0 ? 0 : 1, null]);
    }
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
