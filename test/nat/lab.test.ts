import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DisposableStore } from '../../extension/src/shared/disposable.ts';
import { runCommand } from './lab/command.ts';
import { describeInLab } from './lab/describe-in-lab.ts';
import { Lab } from './lab/lab.ts';
import type { NatName } from './lab/nat-kinds.ts';
import { sweepLeftovers } from './lab/namespace.ts';
import { marker, type View } from './probe/behaviour.ts';
import { Observer } from './probe/observer.ts';
import { ProbeAgent, type ProbeSocket } from './probe/probe-agent.ts';

const store = new DisposableStore();
let lab: Lab;
let observer: Observer;

/** Somebody at home with a socket, and the observer outside. */
async function scene(kind: NatName): Promise<View & { readonly inside: ProbeSocket; readonly outside: ProbeSocket }> {
  const home = lab.home(kind);
  const agent = store.add(new ProbeAgent(home.peer));
  const inside = await agent.udp(4);
  return { observer, home, family: 'v4', agent, inside, outside: observer.servers('v4').first };
}

const texts = (socket: ProbeSocket): string[] => socket.received().map(({ text }) => text);

describeInLab('the laboratory', () => {
  beforeAll(async () => {
    lab = store.add(new Lab());
    observer = store.add(await Observer.start(lab));
  });
  afterAll(() => store.dispose());

  test('an outage loses everything, both ways, and then nothing', async () => {
    const { home, agent, inside, outside } = await scene('none');
    const inwards = { address: home.publicAddress('v4'), port: inside.local.port };

    home.uplink.cut();
    inside.send(outside.local, 'out, lost');
    outside.send(inwards, 'in, lost');
    await Promise.all([agent.upToDate(), observer.agent.upToDate()]);
    home.uplink.mend();
    inside.send(outside.local, 'out, arrived');
    outside.send(inwards, 'in, arrived');
    await Promise.all([outside.datagram('out, arrived'), inside.datagram('in, arrived')]);

    expect(texts(inside)).toEqual(['in, arrived']);
    expect(texts(outside)).toEqual(['out, arrived']);
  });

  test('a lossy uplink loses one packet in five', async () => {
    const { inside, outside, ...view } = await scene('port-restricted');
    const sent = Array.from({ length: 1_000 }, (_, index) => `datagram ${index}`);
    while (sent.length > 0) {
      view.home.uplink.lossy(true);
      // Not more at once than a socket's buffer holds.
      for (const text of sent.splice(0, 100)) inside.send(outside.local, text);
      await view.agent.upToDate();
      view.home.uplink.lossy(false);
      await marker(view);
    }
    // Six standard deviations of the binomial distribution: one false alarm in a hundred million runs.
    const arrived = texts(outside).filter((text) => text.startsWith('datagram ')).length;
    expect(arrived).toBeGreaterThan(800 - 6 * 12.65);
    expect(arrived).toBeLessThan(800 + 6 * 12.65);
  });

  test('an uplink with a small MTU tells the machine behind the router, which then sends smaller packets', async () => {
    const { inside, outside, ...view } = await scene('port-restricted');
    const large = 'x'.repeat(1400);
    view.home.uplink.mtu(1280);
    inside.send(outside.local, large);
    await marker(view);
    expect(texts(outside)).not.toContain(large);
    expect(view.home.peer.run('ip', ['route', 'get', outside.local.address])).toContain('mtu 1280');
    inside.send(outside.local, large);
    await outside.datagram(large);
  });

  test('who has moved is no longer reached at the old address, and is at the new one', async () => {
    const { home, agent, inside, outside } = await scene('full-cone');
    inside.send(outside.local, 'before');
    const { from: old } = await outside.datagram('before');
    home.changeAddress();
    inside.send(outside.local, 'after');
    const { from: mapped } = await outside.datagram('after');
    outside.send(old, 'to the old address');
    outside.send(mapped, 'to the new one');
    await inside.datagram('to the new one');
    await agent.upToDate();
    expect(mapped.address).not.toBe(old.address);
    expect(texts(inside)).toEqual(['to the new one']);
  });

  test('the names of hosts are known in homes', () => {
    const home = lab.home('port-restricted');
    expect(home.peer.run('getent', ['ahosts', 'one.observer.test'])).toContain(observer.address('v4'));
  });

  test('what a killed run leaves is swept, with what runs in it, and nothing else is', async () => {
    const run = spawn(process.execPath, [resolve(import.meta.dirname, 'abandoned-lab.ts')], { stdio: 'pipe' });
    const [printed] = (await once(run.stdout, 'data')) as [Buffer];
    const { name, pid } = JSON.parse(printed.toString()) as { name: string; pid: number };
    sweepLeftovers();
    expect(runCommand('ip', ['netns', 'list'])).toContain(name);
    run.kill('SIGKILL');
    await once(run, 'exit');
    sweepLeftovers();
    const left = runCommand('ip', ['netns', 'list']);
    expect(left).not.toContain(name);
    expect(left).toContain(lab.internet.core.name);
    expect(existsSync(`/etc/netns/${name}`)).toBe(false);
    await expect.poll(() => existsSync(`/proc/${pid}/exe`)).toBe(false);
  });
});
