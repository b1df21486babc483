import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { getPriority } from 'node:os';
import { once } from 'node:events';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { duplexPair, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { commit, git, initRepository, revParse, tempFolder, type TempFolder } from '../../support/git.ts';
import { provider } from '../../support/two-repositories.ts';

let temp: TempFolder;
let root: string;
let repository: Repository;

beforeEach(async () => {
  temp = tempFolder();
  root = initRepository(join(temp.path, 'served'));
  commit(root, { a: 'a' });
  repository = await provider.open(root);
});

afterEach(() => {
  repository.dispose();
  temp.remove();
});

/** Sends `request` after the advertisement; resolves to all that git said and whether serving failed. */
async function converse(request: string): Promise<{ said: string; failure: unknown }> {
  const [ours, theirs] = duplexPair();
  let failure: unknown;
  const serving = repository.serve(theirs).catch((error: unknown) => {
    failure = error;
    theirs.destroy();
  });
  ours.end(request);
  const said = await text(ours).catch(() => '');
  await serving;
  return { said, failure };
}

const want = (oid: Oid): string => `0032want ${oid}\n00000009done\n`;

it('shows branches and tags and no other ref', async () => {
  git(root, 'tag', 'v1');
  for (const hidden of ['refs/stash', 'refs/notes/commits', 'refs/remotes/peers/x/main', 'refs/peerweave/kept/a']) {
    git(root, 'update-ref', hidden, 'HEAD');
  }
  const { said, failure } = await converse('0000');
  expect(failure).toBeUndefined();
  expect(said.match(/(?:refs\/\S+|HEAD)(?=[\n\0])/g)).toEqual(['HEAD', 'refs/heads/main', 'refs/tags/v1']);
});

it('speaks protocol v0, whatever the environment asks for', async () => {
  process.env.GIT_PROTOCOL = 'version=2';
  const { said } = await converse('0000').finally(() => delete process.env.GIT_PROTOCOL);
  expect(said).not.toContain('version 2');
  expect(said).toContain('multi_ack');
});

it('hides a detached HEAD, which no branch shares', async () => {
  git(root, 'switch', '--quiet', '--detach');
  const secret = commit(root, { secret: 's' });
  expect((await converse('0000')).said).not.toContain(secret);
});

it('refuses an object that no shared ref reaches, even where the repository allows it', async () => {
  git(root, 'switch', '--quiet', '--detach');
  const secret = commit(root, { secret: 's' });
  git(root, 'switch', '--quiet', 'main');
  for (const key of ['allowAnySHA1InWant', 'allowTipSHA1InWant', 'allowReachableSHA1InWant', 'allowFilter']) {
    git(root, 'config', `uploadpack.${key}`, 'true');
  }
  const { said, failure } = await converse(want(secret));
  expect(said).not.toContain('PACK');
  expect(said).not.toContain('filter');
  expect(said).toContain('not our ref');
  expect(failure).toMatchObject({ reason: 'internal' });
});

it('runs no command that the repository configures', async () => {
  git(root, 'config', 'uploadpack.packObjectsHook', `touch ${join(temp.path, 'ran')}; false`);
  const { said } = await converse(want(revParse(root, 'main')));
  expect(said).toContain('PACK');
});

async function readExactly(stream: Readable, size: number): Promise<Buffer> {
  for (;;) {
    const chunk = stream.read(size) as Buffer | null;
    if (chunk !== null) return chunk;
    await once(stream, 'readable');
  }
}

it('serves a stock git, deep and shallow', async () => {
  commit(root, { b: 'b' });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    // git:// opens with one packet that names the service; the rest is upload-pack's.
    const open = async (): Promise<void> => {
      await readExactly(socket, parseInt((await readExactly(socket, 4)).toString(), 16) - 4);
      await repository.serve(socket);
    };
    open().catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `git://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
  await promisify(execFile)('git', ['clone', '--quiet', url, join(temp.path, 'deep')]);
  await promisify(execFile)('git', ['clone', '--quiet', '--depth=1', url, join(temp.path, 'flat')]);
  expect(git(join(temp.path, 'deep'), 'rev-list', '--count', 'HEAD')).toBe('2');
  expect(git(join(temp.path, 'flat'), 'rev-list', '--count', 'HEAD')).toBe('1');
  server.close();
});

it('ends when the peer goes away, and when it is told to', async () => {
  const [ours, theirs] = duplexPair();
  const gone = repository.serve(theirs);
  ours.once('data', () => theirs.destroy());
  await expect(gone).rejects.toMatchObject({ reason: 'link-lost' });

  const stop = new AbortController();
  const [, other] = duplexPair();
  const told = repository.serve(other, { signal: stop.signal });
  stop.abort();
  await expect(told).rejects.toMatchObject({ reason: 'cancelled' });
});

it('serves a fetch that was expected with what was there when it was', async () => {
  const announced = commit(root, { b: 'b' });
  await repository.expectFetches(1);
  const { said, failure } = await converse(want(announced));
  expect(failure).toBeUndefined();
  expect(said).toContain('PACK');
});

it('forgets what it expected when refs moved on, and serves more peers than it expected', async () => {
  await repository.expectFetches(1);
  const newest = commit(root, { b: 'b' });
  await repository.expectFetches(1);
  const all = await Promise.all([converse(want(newest)), converse(want(newest)), converse(want(newest))]);
  expect(all.map(({ said, failure }) => [said.includes('PACK'), failure])).toEqual(all.map(() => [true, undefined]));
});

it('ends the process of a fetch that was expected and cancelled', async () => {
  await repository.expectFetches(1);
  const [ours, theirs] = duplexPair();
  const cancel = new AbortController();
  const serving = repository.serve(theirs, { signal: cancel.signal });
  await once(ours, 'readable');
  cancel.abort();
  await expect(serving).rejects.toMatchObject({ reason: 'cancelled' });
});

it('leaves no process behind that waits for a fetch', async () => {
  const waiting = async (): Promise<number> => {
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
    return stdout.split('\n').filter((line) => line.includes('upload-pack') && line.includes(root)).length;
  };
  await repository.expectFetches(2);
  await expect.poll(waiting).toBe(2);
  await repository.expectFetches(1);
  await expect.poll(waiting).toBe(1);
  repository.dispose();
  await expect.poll(waiting).toBe(0);
});

it.skipIf(process.platform !== 'linux')(
  'serves a history behind a tip that a guest waits for, and only then',
  async () => {
    const children = (): number[] =>
      readdirSync('/proc/self/task').flatMap((task) =>
        readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
      );
    const serve = async (tipOnly: boolean): Promise<{ priority: number; end: () => Promise<void> }> => {
      const before = children();
      const [ours, theirs] = duplexPair();
      const serving = repository.serve(theirs, { tipOnly });
      await once(ours, 'readable');
      const [pid] = children().filter((child) => !before.includes(child));
      const end = async (): Promise<void> => {
        ours.end('0000');
        ours.resume();
        await serving;
      };
      return { priority: getPriority(pid), end };
    };
    const own = getPriority();
    const behind = Math.min(own + 5, 19);
    const tip = await serve(true);
    const beside = await serve(false);
    await tip.end();
    const later = await serve(false);
    expect([tip, beside, later].map(({ priority }) => priority)).toEqual([own, behind, own]);
    await beside.end();
    await later.end();
  },
);
