import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { tempFolder } from '../../support/git.ts';
import { randomId, ServerClient } from '../../support/server-client.ts';

const dist = resolve(import.meta.dirname, '../../../dist');

interface Running {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly lines: AsyncIterator<string>;
  readonly stderr: () => string;
}

describe('the server’s command', () => {
  const started: Running[] = [];
  afterEach(async () => {
    for (const { child } of started.splice(0)) {
      if (child.exitCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });

  function start(bundle: string, args: readonly string[], env: Record<string, string> = {}): Running {
    const child = spawn(process.execPath, [join(dist, bundle), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const running = { child, lines, stderr: () => stderr };
    started.push(running);
    return running;
  }

  const event = async ({ lines, stderr }: Running): Promise<Record<string, string>> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`it ended: ${stderr()}`);
    return JSON.parse(line.value) as Record<string, string>;
  };
  const exit = async ({ child }: Running): Promise<number | null> =>
    child.exitCode ?? ((await once(child, 'exit')) as [number | null])[0];

  it.each([
    ['peerweave-server', 'server.mjs', []],
    ['peerweave serve', 'cli.mjs', ['serve']],
  ])('%s says where it listens, serves, and exits 0 on SIGTERM after telling clients', async (_name, bundle, first) => {
    const running = start(bundle, [...first, '--port', '0', '--json']);
    const listening = await event(running);
    expect(listening.event).toBe('listening');
    expect(listening.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    const http = listening.url!.replace('ws:', 'http:');
    expect((await fetch(`${http}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${http}/readyz`)).json()).toEqual({ status: 'ready', redis: 'none' });
    expect(await (await fetch(listening.metrics!)).text()).toMatch(/^peerweave_connections 0$/m);

    const ada = await ServerClient.join(listening.url!, randomId());
    running.child.kill('SIGTERM');
    expect((await ada.next('go-away')).afterMs).toBeLessThanOrEqual(5_000);
    expect(await event(running)).toEqual({ event: 'stopping' });
    const stopping = await fetch(`${http}/readyz`);
    expect([stopping.status, await stopping.json()]).toEqual([503, { status: 'stopping', redis: 'none' }]);
    await ada.close();
    expect(await exit(running)).toBe(0);
  });

  it('does not wait for clients that stay longer than the drain', async () => {
    const running = start('server.mjs', ['--port', '0', '--json', '--drain-seconds', '0.1']);
    const { url } = await event(running);
    const ada = await ServerClient.join(url!, randomId());
    running.child.kill('SIGINT');
    await ada.next('closed');
    expect(ada.closeCode).toBe(1012);
    expect(await exit(running)).toBe(0);
  });

  it('[SE8] takes secrets from files and the environment, and shows them nowhere', async () => {
    const secrets = tempFolder();
    const file = join(secrets.path, 'turn');
    writeFileSync(file, 'turn-marker\n');
    const turn = ['--turn', 'turn:turn.example.org:3478', '--turn-secret-file', file];
    const running = start('server.mjs', ['--port', '0', '--json', ...turn], { PEERWEAVE_SERVER_TOKEN: 'token-marker' });
    const { url, metrics } = await event(running);
    const stranger = await ServerClient.open(url!);
    stranger.join(randomId(), 'wrong');
    expect(await stranger.refusal()).toMatchObject({ reason: 'unauthorised', fatal: true });
    const friend = await ServerClient.open(url!);
    friend.join(randomId(), 'token-marker');
    const { ice } = await friend.next('joined');
    expect(ice).toHaveLength(1);
    expect(JSON.stringify(ice)).not.toContain('marker');
    expect(await (await fetch(metrics!)).text()).not.toContain('marker');
    await friend.close();
    running.child.kill('SIGTERM');
    await exit(running);
    expect(running.stderr()).not.toContain('marker');
    secrets.remove();
  });

  it.each([
    [['--port', '70000'], '--port'],
    [['--max-message-bytes', '65537'], '65536'],
    [['--ping-seconds', '0'], '--ping-seconds'],
    [['--turn', 'turn:host'], '--turn-secret-file'],
    [['--stun', 'http://host'], 'stun:host:3478'],
    [['--trust-proxy', 'everybody'], '10.0.0.0/8'],
    [['--token-file', '/nonexistent/file'], '/nonexistent/file'],
    [['--host', '192.0.2.1'], '--host'],
  ])('refuses %j and says what would do', async (args, says) => {
    const running = start('server.mjs', ['--port', '0', ...args]);
    expect(await exit(running)).toBe(1);
    expect(running.stderr()).toContain(says);
  });
});
