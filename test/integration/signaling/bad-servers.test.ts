import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSignalingSocket } from '../../../extension/src/p2p/signaling/signaling-socket.ts';
import type { ProxyEnvironment } from '../../../extension/src/p2p/signaling/proxy.ts';
import { SIGNALING_SUBPROTOCOL } from '../../../extension/src/p2p/signaling/wire/messages.ts';
import type { PeerweaveError, Reason } from '../../../extension/src/shared/errors.ts';
import { startServer } from '../../../server/server.ts';
import { tempFolder, type TempFolder } from '../../support/git.ts';
import { closedPort, OddServers, selfSigned } from '../../support/odd-servers.ts';

/** What opening a connection to `url` comes to. */
async function failure(url: string, env: ProxyEnvironment = {}, timeoutMs?: number): Promise<PeerweaveError> {
  try {
    const socket = await openSignalingSocket(new URL(url), { env, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    socket.terminate();
  } catch (error) {
    return error as PeerweaveError;
  }
  throw new Error('it opened');
}

describe('a signaling URL that is no good', () => {
  let odd: OddServers;
  beforeEach(() => void (odd = new OddServers()));
  afterEach(() => odd.dispose());

  it('has nobody listening: says to check the port', async () => {
    const error = await failure(`ws://127.0.0.1:${await closedPort()}`);
    expect(error).toMatchObject({ reason: 'signaling-unreachable' });
    expect(error.message).toContain('nothing listens there');
  });

  it('has a name that nobody knows: says to check the spelling', async () => {
    // RFC 6761: this name never exists.
    const error = await failure('wss://signal.invalid');
    expect(error).toMatchObject({ reason: 'signaling-unreachable' });
    expect(error.message).toContain('signal.invalid is not known');
  });

  it.each<[number, Reason, string]>([
    [200, 'signaling-unreachable', 'no signaling server'],
    [404, 'signaling-unreachable', 'Check the address and its path'],
    [301, 'signaling-unreachable', 'redirects elsewhere'],
    [401, 'signaling-refused', 'token'],
    [403, 'signaling-refused', 'token'],
    [429, 'rate-limited', 'Wait a minute'],
    [503, 'signaling-unreachable', 'restarting'],
  ])('is a web server that answers %i: %s', async (status, reason, hint) => {
    const port = await odd.http((_, response) => {
      response.writeHead(status, { location: `ws://127.0.0.1:${port}/elsewhere` });
      // A body without an end is not waited for.
      response.write('x'.repeat(100_000));
    });
    const error = await failure(`ws://127.0.0.1:${port}`);
    expect(error).toMatchObject({ reason });
    expect(error.message).toContain(hint);
  });

  it.each<[string, (write: (text: string) => void, end: () => void) => void, string]>([
    ['answers something else', (write) => write('220 mail.example.org ESMTP\r\n'), 'no signaling server'],
    ['closes at once', (_, end) => end(), 'closed the connection at once'],
    ['answers without end', (write) => write(`HTTP/1.1 101 ${'x'.repeat(100_000)}`), 'no signaling server'],
    [
      'upgrades to something else',
      (write) => write('HTTP/1.1 101 Sure\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n'),
      'no signaling server',
    ],
  ])('is a TCP server that %s', async (_, act, hint) => {
    const port = await odd.tcp((socket) =>
      socket.once('data', () =>
        act(
          (text) => socket.write(text),
          () => socket.destroy(),
        ),
      ),
    );
    const error = await failure(`ws://127.0.0.1:${port}`);
    expect(error).toMatchObject({ reason: 'signaling-unreachable' });
    expect(error.message).toContain(hint);
  });

  it('is an echo: says that it is no signaling server', async () => {
    const port = await odd.tcp((socket) => socket.pipe(socket));
    expect((await failure(`ws://127.0.0.1:${port}`)).message).toContain('no signaling server');
  });

  it('is a WebSocket server for something else', async () => {
    const port = await odd.webSocket(() => undefined, 'chat');
    expect((await failure(`ws://127.0.0.1:${port}`)).message).toContain('no signaling server');
  });

  it('accepts and says nothing: gives up after a time', async () => {
    const port = await odd.tcp(() => undefined);
    const error = await failure(`ws://127.0.0.1:${port}`, {}, 100);
    expect(error).toMatchObject({ reason: 'signaling-unreachable' });
    expect(error.message).toContain('does not answer');
  });

  it('answers a byte at a time: gives up after the same time', async () => {
    const port = await odd.tcp((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const dripping = setInterval(() => socket.write('x: y\r\n'), 10);
      socket.once('close', () => clearInterval(dripping));
    });
    expect((await failure(`ws://127.0.0.1:${port}`, {}, 200)).message).toContain('does not answer');
  });

  it('says why in the very packet in which it upgrades: is heard', async () => {
    const port = await odd.tcp((socket) =>
      socket.once('data', (request) => {
        const key = /^sec-websocket-key: (.*)$/im.exec(request.toString())![1]!.trim();
        // RFC 6455, section 4.2.2.
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        const head = [
          'HTTP/1.1 101 Switching Protocols',
          'Upgrade: websocket',
          'Connection: Upgrade',
          `Sec-WebSocket-Accept: ${accept}`,
          `Sec-WebSocket-Protocol: ${SIGNALING_SUBPROTOCOL}`,
        ];
        const text = Buffer.from('\u0081\u0004full\u0088\u0000', 'latin1');
        socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), text]));
      }),
    );
    const socket = await openSignalingSocket(new URL(`ws://127.0.0.1:${port}`), { env: {} });
    // However late somebody listens.
    await new Promise((resolve) => setImmediate(resolve));
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(data.toString()).toBe('full');
    await once(socket, 'close');
  });

  it('leaves nothing open when it is given up', async () => {
    let closed: () => void;
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const port = await odd.tcp((socket) => socket.once('close', closed).resume());
    const abort = new AbortController();
    const opening = openSignalingSocket(new URL(`ws://127.0.0.1:${port}`), { signal: abort.signal, env: {} });
    setImmediate(() => abort.abort());
    await expect(opening).rejects.toMatchObject({ reason: 'cancelled' });
    await gone;
    const before = openSignalingSocket(new URL(`ws://127.0.0.1:${port}`), { signal: AbortSignal.abort(), env: {} });
    await expect(before).rejects.toMatchObject({ reason: 'cancelled' });
  });

  describe('over TLS', () => {
    let folder: TempFolder;
    beforeEach(() => void (folder = tempFolder()));
    afterEach(() => folder.remove());

    const behindTls = async (name: string): Promise<{ port: number; cert: string }> => {
      const server = await startServer();
      cleanups.push(() => server.close());
      const certificate = selfSigned(folder.path, name);
      return { port: await odd.tls(certificate, server.port), cert: certificate.cert };
    };
    const cleanups: (() => Promise<void>)[] = [];
    afterEach(async () => {
      odd.dispose();
      for (const cleanup of cleanups.splice(0)) await cleanup();
    });

    it('with a certificate of its own making: says which variable takes it', async () => {
      const { port } = await behindTls('IP:127.0.0.1');
      const error = await failure(`wss://127.0.0.1:${port}`);
      expect(error).toMatchObject({ reason: 'signaling-unreachable' });
      expect(error.message).toContain('NODE_EXTRA_CA_CERTS');
    });

    it('that is not spoken there, or is unexpectedly', async () => {
      const server = await startServer();
      cleanups.push(() => server.close());
      expect((await failure(`wss://127.0.0.1:${server.port}`)).message).toContain(
        `Is it ws://127.0.0.1:${server.port}`,
      );
      const { port } = await behindTls('IP:127.0.0.1');
      expect((await failure(`ws://127.0.0.1:${port}`)).message).toMatch(/ws or wss|no signaling server/);
    });

    /** In a process of its own, for Node reads the variable when it starts. */
    const openTrusting = async (url: string, cert: string, env: Record<string, string> = {}): Promise<string> => {
      const script = resolve(import.meta.dirname, '../../support/open-signaling.ts');
      const { stdout } = await promisify(execFile)(process.execPath, [script, url], {
        env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: cert, ...env },
      });
      return stdout.trim();
    };

    it('with a certificate that NODE_EXTRA_CA_CERTS names: works, but for no other host', async () => {
      const { port, cert } = await behindTls('IP:127.0.0.1');
      expect(await openTrusting(`wss://127.0.0.1:${port}`, cert)).toBe('open');
      expect(await openTrusting(`wss://localhost:${port}`, cert)).toContain('not for localhost');
    });

    it('through a proxy: is checked all the same', async () => {
      const { port, cert } = await behindTls('DNS:localhost');
      const proxy = `http://127.0.0.1:${await odd.proxy(() => undefined)}`;
      expect(await openTrusting(`wss://localhost:${port}`, cert, { HTTPS_PROXY: proxy })).toBe('open');
      expect(await openTrusting(`wss://127.0.0.1:${port}`, cert, { HTTPS_PROXY: proxy })).toContain(
        'not for 127.0.0.1',
      );
      expect((await failure(`wss://localhost:${port}`, { HTTPS_PROXY: proxy })).message).toContain(
        'NODE_EXTRA_CA_CERTS',
      );
    });
  });

  describe('by way of a proxy', () => {
    it('that lets it through, with the name and password that it wants', async () => {
      const server = await startServer();
      let asked = '';
      const proxy = await odd.proxy(({ url = '', headers }) => {
        asked = url;
        return headers['proxy-authorization'] === `Basic ${btoa('ann:s3cret:x')}` ? undefined : '407 Who';
      });
      const env = { HTTP_PROXY: `http://ann:s3cret%3Ax@127.0.0.1:${proxy}` };
      const socket = await openSignalingSocket(new URL(server.url), { env });
      expect(socket.readyState).toBe(socket.OPEN);
      expect(asked).toBe(`127.0.0.1:${server.port}`);
      socket.terminate();
      const error = await failure(server.url, { HTTP_PROXY: `http://ann:wr0ng@127.0.0.1:${proxy}` });
      expect(error.message).toContain('wants a name and a password');
      expect(error.message).not.toContain('wr0ng');
      const direct = await openSignalingSocket(new URL(server.url), { env: { ...env, NO_PROXY: '127.0.0.1' } });
      direct.terminate();
      await server.close();
    });

    it('stays when the time that there was to connect is over', async () => {
      const server = await startServer();
      const proxy = await odd.proxy(() => undefined);
      const timeoutMs = 500;
      const options = { env: { HTTP_PROXY: `http://127.0.0.1:${proxy}` }, timeoutMs };
      const sockets = [
        await openSignalingSocket(new URL(server.url), options),
        await openSignalingSocket(new URL(server.url), { env: {}, timeoutMs }),
      ];
      await new Promise((resolve) => setTimeout(resolve, 2 * timeoutMs));
      for (const socket of sockets) {
        socket.ping();
        socket.resume();
        await once(socket, 'pong');
        socket.terminate();
      }
      await server.close();
    });

    it.each<[string, string | undefined, string]>([
      ['refuses', '403 Forbidden', 'does not let it through (HTTP 403)'],
      ['cannot reach the server', '502 Bad Gateway', 'does not let it through (HTTP 502)'],
      ['says nothing', 'silence', 'does not answer'],
    ])('that %s', async (_, answer, hint) => {
      const proxy = await odd.proxy(() => answer);
      const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy}` };
      const error = await failure('wss://signal.example.org', env, answer === 'silence' ? 500 : undefined);
      expect(error).toMatchObject({ reason: 'signaling-unreachable' });
      expect(error.message).toContain(hint);
      expect(error.message).toContain(`127.0.0.1:${proxy}`);
    });

    it('that is not there', async () => {
      const proxy = `http://127.0.0.1:${await closedPort()}`;
      const error = await failure('wss://signal.example.org', { HTTPS_PROXY: proxy });
      expect(error.message).toContain(`through the proxy ${proxy}: nothing listens there`);
    });
  });
});
