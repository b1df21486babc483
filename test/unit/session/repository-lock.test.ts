import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findEngine, RepositoryLock } from '../../../extension/src/p2p/repository-lock.ts';
import { tempFolder, type TempFolder } from '../../support/git.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';

let folder: TempFolder;
let gitDir: string;
beforeEach(() => {
  folder = tempFolder();
  gitDir = join(folder.path, '.git');
});
afterEach(() => folder.remove());

const take = (): Promise<RepositoryLock> => RepositoryLock.take(gitDir, folder.path);
const state = (): string[] => readdirSync(join(gitDir, 'peerweave')).sort();
const engineFile = (): { socket: string } =>
  JSON.parse(readFileSync(join(gitDir, 'peerweave', 'engine.json'), 'utf8')) as { socket: string };

describe('one engine a repository', () => {
  it('of several that want it at the same moment one gets it', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, take));
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect((outcome.reason as PeerweaveError).reason).toBe('engine-busy');
    }
    const found = await findEngine(gitDir);
    expect(found).toBeDefined();
    found?.destroy();
    await won[0]?.value.release();
    expect(state()).toEqual([]);
  });

  it('what a killed engine left is no obstacle, and goes', async () => {
    mkdirSync(join(gitDir, 'peerweave'), { recursive: true });
    // A server that is closed without its file going, as a killed process leaves it.
    const socket = join(gitDir, 'peerweave', 'engine-999999.sock');
    writeFileSync(socket, '');
    writeFileSync(
      join(gitDir, 'peerweave', 'engine.json'),
      JSON.stringify({ v: 1, pid: process.pid, socket, repo: folder.path }),
    );
    expect(await findEngine(gitDir)).toBeUndefined();
    const lock = await take();
    expect(existsSync(socket)).toBe(false);
    await lock.release();
    expect(state()).toEqual([]);
  });

  it.each(['', '{', '{"v":2}', '{"v":1,"pid":1,"socket":"/nowhere","repo":"x"}'])(
    'a damaged engine.json is no engine: %j',
    async (text) => {
      mkdirSync(join(gitDir, 'peerweave'), { recursive: true });
      writeFileSync(join(gitDir, 'peerweave', 'engine.json'), text);
      const lock = await take();
      await lock.release();
      expect(state()).toEqual([]);
    },
  );

  it('a guard that a killed engine left while it took the repository is broken', async () => {
    mkdirSync(join(gitDir, 'peerweave'), { recursive: true });
    writeFileSync(join(gitDir, 'peerweave', 'engine.lock'), '999999');
    const lock = await take();
    await lock.release();
    expect(state()).toEqual([]);
  });
});

describe('the local socket', () => {
  it('is for this user alone', async () => {
    const lock = await take();
    const { socket } = engineFile();
    expect(statSync(dirname(socket)).mode & 0o077).toBe(0);
    expect(statSync(socket).mode & 0o077).toBe(0);
    await lock.release();
  });

  it('lies elsewhere when the path beside the repository is too long, in a folder of its own', async () => {
    gitDir = join(folder.path, 'x'.repeat(120), '.git');
    const lock = await take();
    const { socket } = engineFile();
    expect(Buffer.byteLength(socket)).toBeLessThan(104);
    expect(statSync(dirname(socket)).mode & 0o077).toBe(0);
    const found = await findEngine(gitDir);
    expect(found).toBeDefined();
    found?.destroy();
    await lock.release();
    expect(existsSync(dirname(socket))).toBe(false);
  });

  it('is given up although the other end never hangs up', async () => {
    const lock = await take();
    const accepted = new Promise<void>((resolve) => lock.serve(() => resolve()));
    const stuck = createConnection({ path: engineFile().socket, allowHalfOpen: true });
    await accepted;
    await lock.release();
    stuck.destroy();
  });

  it('an engine that does not get its file written lets go of the socket', async () => {
    // engine.json is a folder: it cannot be replaced.
    mkdirSync(join(gitDir, 'peerweave', 'engine.json', 'x'), { recursive: true });
    await expect(take()).rejects.toThrow();
    expect(state()).toEqual(['engine.json']);
  });

  it('something else that listens there does not make a repository busy for ever', async () => {
    const lock = await take();
    const { socket } = engineFile();
    await lock.release();
    const server = createServer((each) => each.destroy()).listen(socket);
    await once(server, 'listening');
    server.close();
    await (await take()).release();
  });
});
