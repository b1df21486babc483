import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IceServer } from '../../extension/src/p2p/signaling/wire/messages.ts';
import { turnCredentials } from '../../server/turn.ts';

const HOST = '127.0.0.1';
const HOST_V6 = '::1';

export interface CoturnOptions {
  /** The longest an allocation may live without being refreshed, in seconds. */
  readonly maxLifetime?: number;
}

/** A real TURN server on this machine, with credentials by a shared secret and a certificate of its own. */
export class Coturn {
  readonly secret = 'not much of a secret';
  readonly port: number;
  readonly tlsPort: number;
  /** The certificate, in PEM, which is its own authority. */
  readonly ca: string;
  private readonly folder: string;
  private readonly child: ChildProcess;
  private output = '';

  /** Resolves when it answers. */
  static async start(options: CoturnOptions = {}): Promise<Coturn> {
    // A port that was free a moment ago may be taken by now; another try has others.
    for (let attempt = 1; ; attempt++) {
      const server = new Coturn(await freePort(), await freePort(), options);
      if (await server.answers()) return server;
      await server.dispose();
      if (attempt === 3) throw new Error(`coturn does not start: ${server.output}`);
    }
  }

  private constructor(port: number, tlsPort: number, { maxLifetime }: CoturnOptions) {
    this.port = port;
    this.tlsPort = tlsPort;
    this.folder = mkdtempSync(join(tmpdir(), 'peerweave-coturn-'));
    const file = (name: string): string => join(this.folder, name);
    makeCertificate(file('key.pem'), file('certificate.pem'));
    this.ca = readFileSync(file('certificate.pem'), 'utf8');
    const lines = [
      `listening-ip=${HOST}`,
      `listening-ip=${HOST_V6}`,
      `relay-ip=${HOST}`,
      `listening-port=${port}`,
      `tls-listening-port=${tlsPort}`,
      'allow-loopback-peers',
      'no-rfc5780',
      'no-dtls',
      'no-cli',
      'use-auth-secret',
      `static-auth-secret=${this.secret}`,
      'realm=peerweave.test',
      `cert=${file('certificate.pem')}`,
      `pkey=${file('key.pem')}`,
      `userdb=${file('turn.db')}`,
      `pidfile=${file('turn.pid')}`,
      'log-file=stdout',
      ...(maxLifetime === undefined ? [] : [`max-allocate-lifetime=${maxLifetime}`]),
    ];
    writeFileSync(file('turnserver.conf'), lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
    this.child = spawn('turnserver', ['-c', file('turnserver.conf')], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-20_000)));
    }
  }

  /** By IPv4, unless `address` is `[::1]`. */
  url(transport: 'udp' | 'tcp' | 'tls', address = HOST): string {
    // The certificate is for a name; each family is tried for it.
    if (transport === 'tls') return `turns:localhost:${this.tlsPort}?transport=tcp`;
    return `turn:${address}:${this.port}?transport=${transport}`;
  }

  /** One server, with credentials for some minutes. */
  entry(transport: 'udp' | 'tcp' | 'tls', address?: string): IceServer {
    const expiry = Math.floor(Date.now() / 1_000) + 600;
    return { urls: [this.url(transport, address)], ...turnCredentials(this.secret, expiry, 'somebody') };
  }

  /** Stops it as a machine does that loses its power. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Asks by STUN until there is an answer; false when the server has ended. */
  private async answers(): Promise<boolean> {
    const socket = createSocket('udp4');
    const answer = once(socket, 'message').then(() => true);
    // A Binding request (RFC 8489 §5) without attributes.
    const request = Buffer.alloc(20, 1);
    request.writeUInt32BE(0x0001_0000, 0);
    request.writeUInt32BE(0x2112_a442, 4);
    const repeat = setInterval(() => socket.send(request, this.port, HOST), 20);
    const ended = once(this.child, 'exit').then(() => false);
    try {
      return await Promise.race([answer, ended]);
    } finally {
      clearInterval(repeat);
      socket.close();
    }
  }
}

/** Free for TCP and UDP a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function makeCertificate(key: string, certificate: string): void {
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...name, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
}
