import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Disposable } from '../../../extension/src/shared/disposable.ts';
import type { Certificate } from './certificate.ts';
import type { Host } from './lab.ts';
import { until } from './until.ts';

const PORT = 3478;
const TLS_PORT = 443;

/** A real coturn on a host of its own: UDP and TCP at 3478, TLS at 443 for those whom nothing else reaches. It is the STUN server too. */
export class TurnServer implements Disposable {
  readonly stun: string;
  readonly urls: readonly string[];
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, name: string) {
    this.child = child;
    this.stun = `stun:${name}:${PORT}`;
    this.urls = [
      `turn:${name}:${PORT}?transport=udp`,
      `turn:${name}:${PORT}?transport=tcp`,
      `turns:${name}:${TLS_PORT}?transport=tcp`,
    ];
  }

  /** `name` is what the host is called; `folder` gets the configuration. Resolves when it listens. */
  static async start(
    host: Host,
    name: string,
    { certificate, key }: Certificate,
    secret: string,
    folder: string,
  ): Promise<TurnServer> {
    const config = join(folder, 'turnserver.conf');
    const addresses = [...host.v4, ...host.v6];
    const lines = [
      ...addresses.flatMap((address) => [`listening-ip=${address}`, `relay-ip=${address}`]),
      `listening-port=${PORT}`,
      `tls-listening-port=${TLS_PORT}`,
      'no-dtls',
      'use-auth-secret',
      `static-auth-secret=${secret}`,
      'realm=peerweave.test',
      `cert=${certificate}`,
      `pkey=${key}`,
      'no-cli',
      'log-file=stdout',
      `pidfile=${join(folder, 'turnserver.pid')}`,
      `userdb=${join(folder, 'turnserver.db')}`,
    ];
    writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 });
    const [command, ...args] = host.namespace.via;
    const server = new TurnServer(spawn(command, [...args, 'turnserver', '-c', config], { stdio: 'ignore' }), name);
    await until(() => listens(host), 'coturn listens');
    return server;
  }

  dispose(): void {
    this.child.kill('SIGKILL');
  }
}

/** True when sockets of both ports are there for every address; proc_net_tcp(5) and its like have them in hexadecimal. */
function listens({ namespace, v4, v6 }: Host): boolean {
  const count = (table: string, port: number, state: string): number =>
    namespace
      .run('cat', [`/proc/net/${table}`])
      .split('\n')
      .filter((line) => new RegExp(`:${port.toString(16).padStart(4, '0')} [0-9A-F:]+ ${state} `, 'i').test(line))
      .length;
  const LISTEN = '0A';
  const UNCONNECTED = '07';
  return (
    count('tcp', TLS_PORT, LISTEN) >= v4.length &&
    count('tcp6', TLS_PORT, LISTEN) >= v6.length &&
    count('udp', PORT, UNCONNECTED) >= v4.length &&
    count('udp6', PORT, UNCONNECTED) >= v6.length
  );
}
