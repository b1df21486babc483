import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { tempFolder } from '../../support/git.ts';
import { meet, metricOf, randomId, ServerClient } from '../../support/server-client.ts';
import { SignalingServerProcess } from '../../support/server-process.ts';

const root = resolve(import.meta.dirname, '../../..');

describe('the server’s command', () => {
  const started: SignalingServerProcess[] = [];
  afterEach(async () => {
    for (const server of started.splice(0)) await server.kill();
  });

  const start = (...options: ConstructorParameters<typeof SignalingServerProcess>): SignalingServerProcess => {
    const server = new SignalingServerProcess(...options);
    started.push(server);
    return server;
  };

  it.each([
    ['peerweave-server', ['server.mjs']],
    ['peerweave serve', ['cli.mjs', 'serve']],
  ])('%s says where it listens, serves, and exits 0 on SIGTERM after telling clients', async (_name, command) => {
    const server = start([], command);
    const { url, metrics } = await server.listening();
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    const http = url.replace('ws:', 'http:');
    expect((await fetch(`${http}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${http}/readyz`)).json()).toEqual({ status: 'ready', redis: 'none' });
    expect(await (await fetch(metrics)).text()).toMatch(/^peerweave_connections 0$/m);

    const ada = await ServerClient.join(url, randomId());
    server.child.kill('SIGTERM');
    expect((await ada.next('go-away')).afterMs).toBeLessThanOrEqual(5_000);
    expect(await server.event()).toEqual({ event: 'stopping' });
    const stopping = await fetch(`${http}/readyz`);
    expect([stopping.status, await stopping.json()]).toEqual([503, { status: 'stopping', redis: 'none' }]);
    const late = new ServerClient(url);
    await late.next('closed');
    await ada.close();
    expect(await server.exit()).toBe(0);
  });

  it('does not wait for clients that stay longer than the drain', async () => {
    const server = start(['--drain-seconds', '0.1']);
    const { url } = await server.listening();
    const ada = await ServerClient.join(url, randomId());
    server.child.kill('SIGINT');
    await ada.next('closed');
    expect(ada.closeCode).toBe(1012);
    expect(await server.exit()).toBe(0);
  });

  it('[SE8] takes secrets from files and the environment, and shows them nowhere', async () => {
    const secrets = tempFolder();
    const file = join(secrets.path, 'turn');
    writeFileSync(file, 'turn-marker\n');
    const turn = ['--turn', 'turn:turn.example.org:3478', '--turn-secret-file', file];
    const server = start(turn, undefined, { PEERWEAVE_SERVER_TOKEN: 'token-marker' });
    const { url, metrics } = await server.listening();
    const stranger = await ServerClient.open(url);
    stranger.join(randomId(), 'wrong');
    expect(await stranger.refusal()).toMatchObject({ reason: 'unauthorised', fatal: true });
    const friend = await ServerClient.open(url);
    friend.join(randomId(), 'token-marker');
    const { ice } = await friend.next('joined');
    expect(ice).toHaveLength(1);
    expect(JSON.stringify(ice)).not.toContain('marker');
    expect(await (await fetch(metrics)).text()).not.toContain('marker');
    await friend.close();
    server.child.kill('SIGTERM');
    await server.exit();
    expect(server.stderr).not.toContain('marker');
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
    [['--redis', 'redis://192.0.2.1'], '--advertise'],
    [['--redis', 'http://192.0.2.1', '--advertise', 'ws://192.0.2.1'], 'redis://host:6379'],
    [['--redis', 'redis://:secret@192.0.2.1', '--advertise', 'ws://192.0.2.1'], 'PEERWEAVE_SERVER_REDIS'],
    [['--advertise', 'https://192.0.2.1'], 'wss://'],
  ])('refuses %j and says what would do', async (args, says) => {
    const server = start(args);
    expect(await server.exit()).toBe(1);
    expect(server.stderr).toContain(says);
  });

  it('runs from its one file, and every option of it is documented', async () => {
    const folder = tempFolder();
    copyFileSync(resolve(root, 'dist/server.mjs'), join(folder.path, 'server.mjs'));
    const help = execFileSync(process.execPath, ['server.mjs', '--help'], { cwd: folder.path, encoding: 'utf8' });
    folder.remove();
    const document = readFileSync(resolve(root, 'docs/SERVER.md'), 'utf8');
    const options = new Set(help.match(/--[a-z-]+/g));
    expect(options.size).toBeGreaterThan(30);
    const missing = [...options].filter((option) => !document.includes(option));
    expect(missing).toEqual(['--version', '--help']);
  });

  it('[LI7] its memory does not grow with what is sent to somebody who does not read', async () => {
    const server = start([]);
    const { url, metrics } = await server.listening();
    const room = randomId();
    const [ada, bob] = [await ServerClient.join(url, room), await ServerClient.join(url, room)];
    const session = await meet(ada, bob);
    const resident = (): Promise<number> => metricOf(metrics, 'process_resident_memory_bytes');
    const frame = Buffer.alloc(60_000);
    // The first megabytes warm the process up.
    for (let sequence = 0; sequence < 500; sequence++) ada.sendFrame(session, sequence, frame);
    for (let sequence = 0; sequence < 500; sequence++) await bob.next('frame');
    const before = await resident();
    bob.socket.pause();
    for (let sequence = 0; sequence < 3_000; sequence++) ada.sendFrame(session, sequence, frame);
    await expect.poll(() => metricOf(metrics, 'peerweave_queued_bytes'), { timeout: 30_000 }).toBeGreaterThan(200_000);
    let most = 0;
    for (let sample = 0; sample < 100; sample++) most = Math.max(most, await resident());
    expect(ada.socket.bufferedAmount).toBeGreaterThan(100e6);
    expect(most - before).toBeLessThan(40e6);
  });
});
