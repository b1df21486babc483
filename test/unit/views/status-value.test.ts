import { describe, expect, it } from 'vitest';
import { statusValue } from '../../../extension/src/views/status-value.ts';
import { INITIAL_STATE } from '../../../extension/src/views/view-state.ts';
import { fingerprint, somePeer, someConflict, someSession, stateWith } from '../../support/session-views.ts';

const transfer = { id: '1', task: 'Receiving objects', done: 43, total: 100, bytesPerSecond: 1 };
const approval = { id: 'x', name: 'Bea', fingerprint: fingerprint('b'), remote: '192.0.2.7', expiresAt: 0 };
const text = (...sessions: Parameters<typeof stateWith>): string | undefined =>
  statusValue(stateWith(...sessions))?.text;

describe('status bar', () => {
  it('shows nothing where nothing can be done', () => {
    expect(statusValue(INITIAL_STATE)).toBeUndefined();
    expect(statusValue({ ...stateWith(someSession()), trusted: false })).toBeUndefined();
  });

  it.each([
    ['idle', [], '$(broadcast) Peerweave'],
    ['connecting', [someSession({ phase: 'connecting' })], '$(sync~spin) Joining'],
    ['waiting', [someSession({ phase: 'waiting-approval' })], '$(watch) Waiting for approval'],
    ['cloning', [someSession({ phase: 'cloning', transfer })], '$(sync~spin) Cloning 43%'],
    ['sharing with nobody', [someSession()], '$(broadcast) Sharing'],
    ['in sync', [someSession({ peers: [somePeer()] })], '$(broadcast) 1 peer, in sync'],
    ['behind', [someSession({ peers: [somePeer(), somePeer({ inSync: false })] })], '$(broadcast) 2 peers'],
    ['receiving', [someSession({ peers: [somePeer({ transfer })] })], '$(sync~spin) Syncing 43%'],
    ['reconnecting', [someSession({ peers: [somePeer({ state: 'reconnecting' })] })], '$(sync~spin) Reconnecting'],
    ['all away', [someSession({ peers: [somePeer({ state: 'offline' })] })], '$(debug-disconnect) Nobody online'],
    ['guest', [someSession({ approvals: [approval] })], '$(person-add) Bea wants to join'],
    ['guests', [someSession({ approvals: [approval, approval] })], '$(person-add) 2 people want to join'],
    [
      'conflict',
      [someSession({ conflicts: [someConflict(), someConflict({ kind: 'rewound-there', branch: 'old' })] })],
      '$(git-merge) 1 conflict',
    ],
    [
      'more conflicts than are listed',
      [someSession({ conflicts: [someConflict()], moreConflicts: { all: 137, diverged: 100, toSettle: 90 } })],
      '$(git-merge) 91 conflicts',
    ],
    [
      'a strategy at work',
      [someSession({ conflicts: [someConflict({ strategy: 'auto-merge', settling: 'under-way' })] })],
      '$(sync~spin) Settling main',
    ],
    ['ended', [someSession({ phase: 'ended' })], '$(debug-disconnect) Session ended'],
  ])('%s', (_name, sessions, expected) => {
    expect(text(...sessions)).toBe(expected);
  });

  it('tells of each conflict whose it is and who is at it, and what the strategy is', () => {
    const conflict = someConflict({ resolving: [{ name: 'Cy', since: 1 }] });
    const value = statusValue(stateWith(someSession({ strategy: 'auto-merge', conflicts: [conflict] })));
    expect(value?.tooltip).toBe(
      'demo: nobody else yet, 1 conflict, strategy Auto-Merge\n  main: you ↔ Bea, Cy is at it\nClick to settle.',
    );
  });

  it('counts in the tooltip also those that are not listed', () => {
    const moreConflicts = { all: 137, diverged: 100, toSettle: 90 };
    const value = statusValue(stateWith(someSession({ conflicts: [someConflict()], moreConflicts })));
    expect(value?.tooltip).toMatch(/^demo: nobody else yet, 101 conflicts\n/);
  });

  it('[ED5] shows no icon that a guest asks for', () => {
    const value = text(someSession({ approvals: [{ ...approval, name: '$(verified) Root' }] }));
    expect(value?.replace('$(person-add)', '')).not.toContain('$(');
  });

  it('[ED6] says that the engine crashed, and that it was given up', () => {
    expect(statusValue({ ...stateWith(someSession()), engineStatus: 'restarting' })).toMatchObject({
      background: 'warning',
    });
    expect(statusValue({ ...stateWith(), engineStatus: 'failed' })).toMatchObject({ background: 'error' });
  });
});
