import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PeerAnswer, PeerRequest } from '../../support/webrtc-peer.ts';
import { SignalingLab } from '../../support/signaling-lab.ts';

const MIB = 1024 * 1024;

describe('WebRTC between engines in processes of their own', () => {
  let lab: SignalingLab;
  const peers: ChildProcess[] = [];

  beforeEach(async () => {
    lab = await SignalingLab.start();
  });
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.kill('SIGKILL');
    await lab.dispose();
  });

  async function peer(): Promise<{ child: ChildProcess; tag: string }> {
    const script = new URL('../../support/webrtc-peer.ts', import.meta.url);
    const child = fork(script, [lab.server.url, Buffer.from(lab.secret).toString('hex')], { execArgv: [] });
    peers.push(child);
    const { tag } = await answer(child, 'here');
    return { child, tag };
  }

  const ask = (child: ChildProcess, request: PeerRequest): boolean => child.send(request);

  async function answer<K extends PeerAnswer['kind']>(child: ChildProcess, kind: K) {
    const [said] = (await once(child, 'message')) as [PeerAnswer];
    expect(said.kind).toBe(kind);
    return said as Extract<PeerAnswer, { kind: K }>;
  }

  it('carries bytes both ways, unharmed', async () => {
    const [a, b] = await Promise.all([peer(), peer()]);
    ask(a.child, { kind: 'echo', tag: b.tag, bytes: 20 * MIB });
    const { sent, received, route } = await answer(a.child, 'echoed');
    expect(received).toBe(sent);
    expect(route).toBe('webrtc');
  });

  it('ends the pipe at once when the other engine is killed', async () => {
    const [a, b] = await Promise.all([peer(), peer()]);
    ask(a.child, { kind: 'pour', tag: b.tag });
    await answer(a.child, 'pouring');
    b.child.kill('SIGKILL');
    expect(await answer(a.child, 'ended')).toEqual({ kind: 'ended', reason: 'link-lost' });
  });

  it('ends the pipe of one that pours when nothing is left to answer it', async () => {
    const [a, b] = await Promise.all([peer(), peer()]);
    ask(a.child, { kind: 'pour', tag: b.tag });
    ask(b.child, { kind: 'pour', tag: a.tag });
    await answer(a.child, 'pouring');
    const { helper } = await answer(b.child, 'pouring');
    // As the whole machine: its WebRTC process says nothing any more either.
    process.kill(helper, 'SIGSTOP');
    b.child.kill('SIGSTOP');
    expect(await answer(a.child, 'ended')).toEqual({ kind: 'ended', reason: 'link-lost' });
    process.kill(helper, 'SIGKILL');
  });

  it('keeps no engine from ending that has pipes open, and no process behind it', async () => {
    const [a, b] = await Promise.all([peer(), peer()]);
    ask(a.child, { kind: 'pour', tag: b.tag });
    const { helper } = await answer(a.child, 'pouring');
    const exit = once(a.child, 'exit');
    ask(a.child, { kind: 'exit' });
    expect(await exit).toEqual([0, null]);
    while (isRunning(helper)) await new Promise((resolve) => setTimeout(resolve, 5));
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
