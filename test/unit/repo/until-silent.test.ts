import { duplexPair, type Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { untilSilent } from '../../../extension/src/p2p/repo/git/until-silent.ts';

let ours: Duplex;
let theirs: Duplex;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  [ours, theirs] = duplexPair();
});
afterEach(() => {
  vi.useRealTimers();
});

it('gives what is said, to the end', async () => {
  const heard = untilSilent(ours, 1000);
  theirs.write('one');
  expect(String((await heard.next()).value)).toBe('one');
  theirs.end();
  expect(await heard.next()).toMatchObject({ done: true });
  expect(vi.getTimerCount()).toBe(0);
});

it('waits as long as something comes in time, however long that takes in all', async () => {
  const heard = untilSilent(ours, 1000);
  for (let word = 0; word < 5; word++) {
    const next = heard.next();
    await vi.advanceTimersByTimeAsync(900);
    theirs.write(`${word}`);
    expect(String((await next).value)).toBe(`${word}`);
  }
});

it('ends a stream that falls silent, from the first byte on and later', async () => {
  const first = untilSilent(ours, 1000).next();
  first.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(1000);
  await expect(first).rejects.toThrow('it said nothing for 1 seconds');
  expect(ours.destroyed).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

it('does not count the time that the reader takes', async () => {
  const heard = untilSilent(ours, 1000);
  theirs.write('one');
  await heard.next();
  await vi.advanceTimersByTimeAsync(10_000);
  theirs.write('two');
  expect(String((await heard.next()).value)).toBe('two');
});
