import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { contextsOf } from '../../../extension/src/views/contexts.ts';
import type { FolderState, ViewState } from '../../../extension/src/views/view-state.ts';
import { welcomeOf } from '../../../extension/src/views/welcome.ts';
import { someConflict, someSession, stateWith } from '../../support/session-views.ts';

const { contributes } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  contributes: { viewsWelcome: { view: string; when: string }[]; views: { peerweave: { id: string }[] } };
};

const folder = (kind: FolderState['kind']): FolderState =>
  kind === 'unusable'
    ? { kind, root: '/x', error: { reason: 'repository-shallow', message: 'shallow' } }
    : { kind, root: '/x', resumable: false };
const withFolders = (...folders: FolderState[]): ViewState => ({ ...stateWith(), folders });

const CASES: readonly [string, ViewState][] = [
  ['no-folder', withFolders()],
  ['untrusted', { ...withFolders(folder('ready')), trusted: false }],
  ['no-git', { ...withFolders(folder('ready')), gitFound: false }],
  ['no-repository', withFolders(folder('no-repository'))],
  ['repository-shallow', withFolders(folder('unusable'))],
  [
    'repository-bare',
    withFolders({ kind: 'unusable', root: '/x', error: { reason: 'repository-bare', message: 'bare' } }),
  ],
  ['ready', withFolders(folder('unusable'), folder('ready'))],
  ['starting', { ...withFolders(folder('ready')), engineStatus: 'restarting' }],
  ['connecting', stateWith(someSession({ phase: 'connecting' }))],
  ['waiting-approval', stateWith(someSession({ phase: 'waiting-approval' }))],
  ['cloning', stateWith(someSession({ phase: 'cloning' }))],
  ['engine-failed', { ...stateWith(someSession()), engineStatus: 'failed' }],
  ['none', stateWith(someSession())],
  ['none', stateWith(someSession({ phase: 'ended' }))],
];

describe('welcome texts', () => {
  it.each(CASES)('%s', (expected, state) => {
    expect(welcomeOf(state)).toBe(expected);
  });

  it('are there for every view', () => {
    const withText = new Set(contributes.viewsWelcome.map(({ view }) => view));
    expect(withText).toEqual(new Set(contributes.views.peerweave.map(({ id }) => id)));
  });

  it('has a text in package.json for each state', () => {
    const peers = contributes.viewsWelcome.filter(({ view }) => view === 'peerweave.peers');
    const asked = peers.map(({ when }) => /== '([a-z-]+)'/.exec(when)?.[1]);
    const states = new Set(CASES.map(([state]) => state).filter((state) => state !== 'none'));
    expect(new Set(asked)).toEqual(states);
  });
});

/** Every `when` and `enablement` clause below a value. */
function clauses(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    (key === 'when' || key === 'enablement') && typeof inner === 'string' ? [inner] : clauses(inner),
  );
}

describe('context keys', () => {
  it('are the ones that package.json asks for', () => {
    const asked = clauses(contributes).flatMap((clause) => clause.match(/peerweave\.\w+/g) ?? []);
    expect(asked.length).toBeGreaterThan(0);
    const views = new Set(contributes.views.peerweave.map(({ id }) => id));
    for (const key of asked) if (!views.has(key)) expect(Object.keys(contextsOf(stateWith()))).toContain(key);
  });

  it('follow the session', () => {
    expect(contextsOf(stateWith())).toMatchObject({ 'peerweave.canShare': true, 'peerweave.inSession': false });
    expect(contextsOf(stateWith(someSession()))).toMatchObject({
      'peerweave.canShare': false,
      'peerweave.inSession': true,
      'peerweave.canInvite': true,
      'peerweave.canLeave': true,
    });
    expect(contextsOf(stateWith(someSession({ phase: 'cloning', inviteExpiresAt: undefined })))).toMatchObject({
      'peerweave.joining': true,
      'peerweave.canLeave': false,
      'peerweave.canInvite': false,
    });
  });

  it('follow the conflicts of sessions that are live', () => {
    const rewound = someConflict({ kind: 'rewound-there' });
    expect(contextsOf(stateWith(someSession({ conflicts: [someConflict()] })))).toMatchObject({
      'peerweave.diverged': true,
      'peerweave.canFollow': false,
    });
    expect(contextsOf(stateWith(someSession({ conflicts: [rewound] })))).toMatchObject({
      'peerweave.diverged': false,
      'peerweave.canFollow': true,
    });
    expect(contextsOf(stateWith(someSession({ phase: 'ended', conflicts: [rewound, someConflict()] })))).toMatchObject({
      'peerweave.diverged': false,
      'peerweave.canFollow': false,
    });
  });
});
