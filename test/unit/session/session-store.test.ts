import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import type { RepositoryInfo } from '../../../extension/src/p2p/repo/repository.ts';
import { foundSession } from '../../../extension/src/p2p/session/founding.ts';
import { SessionStore, type SessionRecord } from '../../../extension/src/p2p/session/session-store.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { tempFolder, type TempFolder } from '../../support/git.ts';

let folder: TempFolder;
let store: SessionStore;
let file: string;
beforeEach(() => {
  folder = tempFolder();
  store = new SessionStore(folder.path);
  file = join(folder.path, 'peerweave', 'session.json');
});
afterEach(() => folder.remove());

const identity = createIdentity();
const info = (roots: string[]): RepositoryInfo => ({
  root: '/repos/project',
  gitDir: '/repos/project/.git',
  objectFormat: 'sha1',
  roots: roots as Oid[],
});
const record = (roots = ['1'.repeat(40)]): SessionRecord => foundSession(identity, info(roots), 'Ada', 24, 0);

describe('[SE9] session.json', () => {
  it('comes back as it was saved; of several saves the newest counts, as it is when it is written', async () => {
    const saved = record();
    let port = 1;
    const saves = [1, 2, 3].map(() => store.save(() => ({ ...saved, port: port++ })));
    await Promise.all(saves);
    const loaded = await store.load();
    expect(loaded).toEqual({ ...saved, port: 1 });
    expect(port).toBe(2);
  });

  it('that was removed stays removed, whoever still wants to save', async () => {
    const saving = store.save(record);
    await store.remove();
    await saving;
    await store.save(record);
    expect(existsSync(file)).toBe(false);
  });

  it('that cannot be written fails one save and not the next', async () => {
    mkdirSync(file, { recursive: true });
    await expect(store.save(record)).rejects.toThrow();
    const elsewhere = new SessionStore(join(folder.path, 'other'));
    writeFileSync(join(folder.path, 'other'), '');
    await expect(elsewhere.save(record)).rejects.toThrow();
    expect(await elsewhere.load()).toBeUndefined();
  });

  it('[SY11] does not leave behind what a crash left beside it, and leaves alone what is being written', async () => {
    const beside = (digit: string): string => `${file}.${digit.repeat(36)}.new`;
    mkdirSync(join(folder.path, 'peerweave'));
    for (const digit of ['1', '2']) writeFileSync(beside(digit), 'part of');
    writeFileSync(`${file}.mine`, '');
    utimesSync(beside('1'), 1, 1);
    utimesSync(`${file}.mine`, 1, 1);
    await store.save(record);
    expect([beside('1'), beside('2'), `${file}.mine`, file].map(existsSync)).toEqual([false, true, true, true]);
  });

  it('that is damaged or of another version is none', async () => {
    await store.save(record);
    const text = readFileSync(file, 'utf8');
    const { founder, ...without } = record();
    const damaged = ['', text.slice(0, -20), text.replace('"v":1', '"v":2'), JSON.stringify(without), 'null', '[]'];
    for (const each of damaged) {
      writeFileSync(file, each);
      expect(await store.load()).toBeUndefined();
    }
    expect(founder).toBe(identity.peer);
  });
});

describe('[SE1] a new session', () => {
  it('of a repository with more roots than a welcome can name is about the first of them', () => {
    const roots = Array.from({ length: 100 }, (_, n) => n.toString(16).padStart(40, '0'));
    expect(record(roots).roots).toEqual(roots.slice(0, 64));
  });
});
