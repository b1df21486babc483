import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SystemGitProvider } from '../../../extension/src/p2p/repo/git/provider.ts';
import { deferred } from '../../../extension/src/shared/deferred-promise.ts';
import type { CloneRequest, Repository } from '../../../extension/src/p2p/repo/repository.ts';
import { commit, fsck, git, initRepository, tempFolder, type TempFolder } from '../../support/git.ts';
import { cloneRequest, connectTo, provider } from '../../support/two-repositories.ts';

let temp: TempFolder;
let source: string;
let target: string;
let alice: Repository;
/** Git waits for this file before it runs the command that a test holds up. */
let go: string;

beforeEach(async () => {
  temp = tempFolder();
  [source, target, go] = [join(temp.path, 'source'), join(temp.path, 'clone'), join(temp.path, 'go')];
  initRepository(source);
  const files = Array.from({ length: 120 }, (_, index) => [`many/${index}`, `${index}\n`] as const);
  commit(source, Object.fromEntries(files));
  commit(source, { 'a.txt': 'newest\n' });
  alice = await provider.open(source);
});

afterEach(() => {
  vi.useRealTimers();
  alice.dispose();
  temp.remove();
});

const request = (more: Partial<CloneRequest>): CloneRequest => cloneRequest(alice, source, target, more);

/** A git that runs a command of which `text` is part only when `go` is there. */
function holdingUp(text: string): SystemGitProvider {
  const script = join(temp.path, 'git');
  const wait = `case "$*" in *${text}*) while [ ! -e '${go}' ]; do sleep 0.02; done;; esac`;
  writeFileSync(script, `#!/bin/sh\n${wait}\nexec git "$@"\n`, { mode: 0o755 });
  return new SystemGitProvider({ git: script });
}

/** Calls back when so many histories have been asked for: the wants are on their way to the peer. */
function onAsked(count: number, action: () => void): CloneRequest['connect'] {
  let asked = 0;
  return async (signal, what): Promise<Duplex> => {
    const stream = await connectTo(alice)(signal);
    if (what === 'tip') return stream;
    const write = stream.write.bind(stream) as (chunk: string) => boolean;
    stream.write = (chunk: string): boolean => {
      const taken = write(chunk);
      if (chunk.includes('done') && ++asked === count) action();
      return taken;
    };
    return stream;
  };
}

describe.skipIf(process.platform === 'win32')('a history that waits for the tip', () => {
  it('[C4] is asked for while the tip is still under way', async () => {
    const connect = onAsked(1, () => writeFileSync(go, ''));
    (await holdingUp('index-pack').clone(request({ connect }))).dispose();
    expect(git(target, 'rev-list', '--count', 'main')).toBe('2');
    fsck(target);
  });

  it('[SE10] ends with a tip that is refused', async () => {
    const connect = onAsked(1, () => writeFileSync(go, ''));
    const limits = { maxExpandedBytes: 100 };
    const attempt = holdingUp('objectsize').clone(request({ connect, limits }));
    await expect(attempt).rejects.toMatchObject({ reason: 'pack-too-large' });
    expect(existsSync(target)).toBe(false);
  });

  it('[C4] arrives while the tip is checked out, and is here once that is done', async () => {
    const usable: boolean[] = [];
    const arrived = deferred();
    const attempt = holdingUp('read-tree').clone(
      request({
        onUsable: () => usable.push(true),
        onProgress: ({ task, done, total }) => {
          // Of two commits: the tip alone has fewer objects.
          if (task === 'Receiving objects' && total > 124 && done === total) arrived.resolve();
        },
      }),
    );
    await arrived.promise;
    expect(usable).toEqual([]);
    writeFileSync(go, '');
    (await attempt).dispose();
    expect(usable).toEqual([true]);
    expect(git(target, 'rev-list', '--count', 'main')).toBe('2');
    fsck(target);
  });

  it('[C4] is asked for again when the tip takes longer to come than the peer may be willing to wait', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const tries: string[] = [];
    const ask = onAsked(1, () => vi.advanceTimersByTime(60_000));
    const connect: CloneRequest['connect'] = (signal, what) => {
      tries.push(what);
      return ask(signal, what);
    };
    const attempt = holdingUp('index-pack').clone(request({ connect }));
    await vi.waitFor(() => expect(tries).toEqual(['tip', 'history']));
    writeFileSync(go, '');
    (await attempt).dispose();
    expect(tries).toEqual(['tip', 'history', 'history']);
    expect(git(target, 'rev-list', '--count', 'main')).toBe('2');
    fsck(target);
  });
});
