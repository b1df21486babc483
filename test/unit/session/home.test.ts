import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Home, readIfThere, writePrivately } from '../../../extension/src/p2p/home.ts';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { tempFolder, type TempFolder } from '../../support/git.ts';

let folder: TempFolder;
beforeEach(() => (folder = tempFolder()));
afterEach(() => folder.remove());

const times = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make));

describe('the key of an installation', () => {
  it('is made once, also by engines that start for the first time together', async () => {
    const path = join(folder.path, 'home');
    const made = await times(8, () => new Home(path).identity());
    expect(new Set(made.map(({ peer }) => peer)).size).toBe(1);
    expect((await new Home(path).identity()).peer).toBe(made[0]?.peer);
    expect(statSync(join(path, 'identity.pem')).mode & 0o777).toBe(0o600);
    expect(readdirSync(path)).toEqual(['identity.pem']);
  });

  it('that is damaged is never replaced, and the message says which file it is', async () => {
    writeFileSync(join(folder.path, 'identity.pem'), 'torn');
    await expect(new Home(folder.path).identity()).rejects.toThrow(/identity\.pem.*delete/s);
    expect(readFileSync(join(folder.path, 'identity.pem'), 'utf8')).toBe('torn');
  });

  it('that cannot be kept says which folder cannot be written', async () => {
    writeFileSync(join(folder.path, 'file'), '');
    const home = new Home(join(folder.path, 'file', 'home'));
    await expect(home.identity()).rejects.toThrow(/PEERWEAVE_HOME/);
  });
});

describe('remembered peers', () => {
  it('[SE4] all stay that are remembered at the same time', async () => {
    const home = new Home(folder.path);
    const peers = Array.from({ length: 8 }, () => createIdentity().peer);
    await Promise.all(peers.map((peer) => home.remember(peer)));
    for (const peer of peers) expect(await home.remembers(peer)).toBe(true);
  });

  it('a damaged list costs a question, not a session', async () => {
    const home = new Home(folder.path);
    writeFileSync(join(folder.path, 'remembered-peers.json'), '{');
    const { peer } = createIdentity();
    expect(await home.remembers(peer)).toBe(false);
    await home.remember(peer);
    expect(await home.remembers(peer)).toBe(true);
  });
});

describe('files', () => {
  it('writes of one file at the same time leave one of them whole, and nothing else', async () => {
    const file = join(folder.path, 'state.json');
    const texts = Array.from({ length: 16 }, (_, n) => String(n).repeat(1000));
    await Promise.all(texts.map((text) => writePrivately(file, text)));
    expect(texts).toContain(readFileSync(file, 'utf8'));
    expect(readdirSync(folder.path)).toEqual(['state.json']);
  });

  it('a write that fails leaves nothing behind', async () => {
    const file = join(folder.path, 'state.json');
    mkdirSync(file);
    await expect(writePrivately(file, 'x')).rejects.toThrow();
    expect(readdirSync(folder.path)).toEqual(['state.json']);
  });

  it('below a file there is nothing: `.git` of a linked worktree is one', async () => {
    writeFileSync(join(folder.path, '.git'), 'gitdir: elsewhere\n');
    expect(await readIfThere(join(folder.path, '.git', 'peerweave', 'session.json'))).toBeUndefined();
  });
});
