import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MAX_CHARS, PeerVersions } from '../../../extension/src/p2p/lsp/peer-versions.ts';
import type { FileVersion } from '../../../extension/src/p2p/repo/resolution.ts';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';

const TIP = '3f2a91c000000000000000000000000000000000' as Oid;
const text = (content: string): FileVersion => ({ mode: '100644', bytes: content.length, kind: 'text', text: content });
const fileAt = vi.fn<(commit: Oid, path: string) => Promise<FileVersion | null>>();
const repository = { info: { gitDir: '/repo/.git' }, fileAt } as unknown as Repository;
const read = (versions: PeerVersions, path = 'f'): Promise<string | null> => versions.text(repository, TIP, path);

beforeEach(() => {
  vi.useFakeTimers();
  fileAt.mockReset();
});
afterEach(() => vi.useRealTimers());

it('git is asked once for what never changes, also by several at a time', async () => {
  fileAt.mockResolvedValue(text('\ufeffhello\n'));
  const versions = new PeerVersions(silentLogger);
  expect(await Promise.all([read(versions), read(versions)])).toEqual(['hello\n', 'hello\n']);
  expect(await read(versions)).toBe('hello\n');
  expect(fileAt).toHaveBeenCalledTimes(1);
});

it('what git failed at is not asked again at every letter, but later', async () => {
  fileAt.mockRejectedValueOnce(new Error('too much')).mockResolvedValue(text('hello'));
  const versions = new PeerVersions(silentLogger);
  expect([await read(versions), await read(versions)]).toEqual([null, null]);
  expect(fileAt).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await read(versions)).toBe('hello');
});

it('holds no more text than fits, and lets go first what was not used for longest', async () => {
  fileAt.mockImplementation((_, path) => Promise.resolve(text(path.padEnd(MAX_CHARS, '.'))));
  const versions = new PeerVersions(silentLogger);
  for (let i = 0; i < 32; i += 1) await read(versions, `${i}`);
  await read(versions, '0');
  await read(versions, '32');
  fileAt.mockClear();
  await read(versions, '0');
  expect(fileAt).not.toHaveBeenCalled();
  await read(versions, '1');
  expect(fileAt).toHaveBeenCalledTimes(1);
});

it('what is no text, or too long, is none', async () => {
  const versions = new PeerVersions(silentLogger);
  const odd: (FileVersion | null)[] = [
    null,
    { mode: '100644', bytes: 9, kind: 'binary' },
    { mode: '120000', bytes: 9, kind: 'link', text: 'elsewhere' },
    text('x'.repeat(MAX_CHARS + 1)),
  ];
  for (const [i, version] of odd.entries()) {
    fileAt.mockResolvedValueOnce(version);
    expect(await read(versions, `${i}`)).toBeNull();
  }
});
