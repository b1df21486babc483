import { beforeEach, expect, it } from 'vitest';
import { controlSchemas } from '../../../extension/src/p2p/link/control-protocol.ts';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { AtWork } from '../../../extension/src/p2p/session/at-work.ts';
import type { BranchName } from '../../../extension/src/shared/ids.ts';
import { fakeLink, type FakeLink } from './fake-link.ts';

const self = createIdentity().peer;
const MAIN = 'main' as BranchName;
let links: FakeLink[];
let now: number;
let changes: number;
let atWork: AtWork;

beforeEach(() => {
  links = [fakeLink({ self }), fakeLink({ self })];
  [now, changes] = [1_000, 0];
  const [bob] = links;
  atWork = new AtWork({
    links: () => links,
    nameOf: (peer) => (peer === bob?.peer ? 'Bob' : 'Carol'),
    now: () => now,
    changed: () => (changes += 1),
  });
  for (const link of links) atWork.listenTo(link);
});

const told = (link: FakeLink | undefined): unknown[] =>
  link?.said.filter(({ method }) => method === 'resolving').map(({ params }) => params) ?? [];
const hear = (link: FakeLink | undefined, branch: string, active: boolean): Promise<unknown> =>
  link?.hear('resolving', { branch, active }) ?? Promise.resolve();

it('[CO5] everybody who is linked hears who begins and ends, once, and who is linked later hears it too', () => {
  atWork.set(MAIN, true);
  atWork.set(MAIN, true);
  const late = fakeLink({ self });
  links.push(late);
  atWork.greet(late);
  atWork.set(MAIN, false);
  const both = [
    { branch: 'main', active: true },
    { branch: 'main', active: false },
  ];
  expect(links.map(told)).toEqual([both, both, both]);
  expect(atWork.others(MAIN)).toEqual([]);
});

it('[CO5] others are shown with the time that we heard of it, until they end or their link does', async () => {
  const [bob, carol] = links;
  await hear(bob, 'main', true);
  now = 2_000;
  await hear(carol, 'main', true);
  await hear(bob, 'main', true);
  expect(atWork.others(MAIN)).toEqual([
    { name: 'Bob', since: 1_000 },
    { name: 'Carol', since: 2_000 },
  ]);
  expect(atWork.others('topic' as BranchName)).toEqual([]);
  await hear(bob, 'main', false);
  if (carol !== undefined) atWork.forget(carol.peer);
  expect(atWork.others(MAIN)).toEqual([]);
  expect(changes).toBe(4);
});

it('what is settled by now is at work no more', () => {
  atWork.set(MAIN, true);
  atWork.set('topic' as BranchName, true);
  atWork.keepOnly(() => new Set([MAIN]));
  expect(told(links[0]).at(-1)).toEqual({ branch: 'topic', active: false });
  expect(told(links[0])).toHaveLength(3);
});

it('[LI8] a member that is at everything at once is heard for 32 branches', async () => {
  const [bob] = links;
  for (let n = 0; n < 100; n += 1) await hear(bob, `b${n}`, true);
  const shown = Array.from({ length: 100 }, (_, n) => atWork.others(`b${n}` as BranchName).length);
  expect(shown.reduce((sum, one) => sum + one, 0)).toBe(32);
  await hear(bob, 'b0', false);
  await hear(bob, 'b99', true);
  expect(atWork.others('b99' as BranchName)).toHaveLength(1);
});

it('[LI8] what is no branch is no message', () => {
  const schema = controlSchemas.notifications.resolving;
  expect(schema.safeParse({ branch: 'main', active: true }).success).toBe(true);
  for (const wrong of [
    { branch: '', active: true },
    { branch: 'x'.repeat(256), active: true },
    { branch: 'x' },
    { branch: 7, active: 1 },
  ])
    expect(schema.safeParse(wrong).success).toBe(false);
});
