import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { contextsOf } from '../../../extension/src/views/contexts.ts';
import type { FolderState, ViewState } from '../../../extension/src/views/view-state.ts';
import { welcomeOf } from '../../../extension/src/views/welcome.ts';
import { someSession, stateWith } from '../../support/session-views.ts';

const { contributes } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  contributes: { viewsWelcome: { when: string }[] };
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

  it('has a text in package.json for each state', () => {
    const asked = contributes.viewsWelcome.map(({ when }) => /== '([a-z-]+)'/.exec(when)?.[1]);
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
    for (const key of asked) if (key !== 'peerweave.peers') expect(Object.keys(contextsOf(stateWith()))).toContain(key);
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
});
