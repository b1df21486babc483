import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askEngine } from '../../../extension/src/p2p/local-rpc.ts';
import { tempFolder, type TempFolder } from '../../support/git.ts';
import { rejectionReason } from '../../support/reason.ts';

let folder: TempFolder;
let server: Server;
let onSocket: (socket: Socket) => void;
beforeEach(async () => {
  folder = tempFolder();
  const socket = join(folder.path, 'socket');
  server = createServer((each) => onSocket(each)).listen(socket);
  await once(server, 'listening');
  mkdirSync(join(folder.path, 'peerweave'));
  const engine = { v: 1, pid: process.pid, socket, repo: folder.path };
  writeFileSync(join(folder.path, 'peerweave', 'engine.json'), JSON.stringify(engine));
});
afterEach(() => {
  server.close();
  folder.remove();
});

describe('asking the engine of a repository', () => {
  it('that hangs up gives a typed error', async () => {
    onSocket = (socket) => void socket.once('data', () => socket.destroy());
    expect(await rejectionReason(askEngine(folder.path, 'peerweave/state', {}))).toBe('engine-busy');
  });

  it('that is stuck does not hang the one who asks', async () => {
    const sockets: Socket[] = [];
    onSocket = (socket) => void sockets.push(socket.resume());
    expect(await rejectionReason(askEngine(folder.path, 'peerweave/state', {}, 20))).toBe('timeout');
    for (const socket of sockets) socket.destroy();
  });

  it('that is not there says so', async () => {
    server.close();
    expect(await rejectionReason(askEngine(folder.path, 'peerweave/state', {}))).toBe('no-session');
  });
});
