import { describe, expect, it } from 'vitest';
import { rowsOf } from '../../../extension/src/views/session-rows.ts';
import type { Row } from '../../../extension/src/views/row.ts';
import { fingerprint, somePeer, someConflict, someSession, stateWith } from '../../support/session-views.ts';

const clock = (ms: number): string => `t${ms}`;
const rows = (...sessions: Parameters<typeof stateWith>): readonly Row[] => rowsOf(stateWith(...sessions), clock);
const approval = { id: 'x', name: 'Cy', fingerprint: fingerprint('c'), remote: '192.0.2.7:5', expiresAt: 9 };

describe('peers tree', () => {
  it('has no rows before there is a session, so that the welcome text shows', () => {
    expect(rows()).toEqual([]);
    expect(rows(someSession({ phase: 'waiting-approval' }))).toEqual([]);
    expect(rowsOf({ ...stateWith(someSession()), trusted: false }, clock)).toEqual([]);
  });

  it('puts yourself first, then whoever waits, then peers', () => {
    expect(
      rows(someSession({ peers: [somePeer()], approvals: [approval] })).map(({ label, context }) => [label, context]),
    ).toEqual([
      ['Ada', 'self'],
      ['Cy', 'approval'],
      ['Bea', 'peer.online'],
    ]);
  });

  it('offers the invite while nobody has joined', () => {
    expect(rows(someSession())[1]).toMatchObject({
      command: 'peerweave.copyInvite',
      description: 'copies the link',
    });
    expect(rows(someSession({ inviteExpiresAt: undefined }))).toHaveLength(1);
  });

  it('tells branch, distance, route and round trip of a peer', () => {
    const peer = somePeer({ branch: 'main', ahead: 1, behind: 2, route: 'tcp', rttMs: 12.4 });
    expect(rows(someSession({ peers: [peer] }))[1]).toMatchObject({
      description: 'main ↑1 ↓2 · direct · 12 ms',
      accessible: 'Bea, online, on main, lacks 1 commit of yours, has 2 commits that you lack, in sync',
    });
  });

  it('[CO1] does not say of a peer whose branches diverged that all is in sync', () => {
    const peer = somePeer({ branch: 'main', ahead: 1, behind: 1, diverged: 2, lastSync: 7 });
    const [row] = rows(someSession({ peers: [peer] })).slice(1);
    expect(row?.description).toBe('main ↑1 ↓1 · 2 branches diverged');
    expect(row?.tooltip?.split('\n')).toContain('2 branches diverged, the rest in sync');
    expect(row?.accessible).toMatch(/, 2 branches diverged, the rest in sync$/);
    const away = { ...peer, state: 'offline' as const, inSync: false, diverged: 1 };
    const [absent] = rows(someSession({ peers: [away] })).slice(1);
    expect(absent?.description).toBe('offline · 1 branch diverged · synced t7');
    expect(absent?.tooltip?.split('\n')).toContain('1 branch diverged, the rest not in sync yet');
  });

  it('tells in the tooltip what went by which route, and why there is no better one', () => {
    const peer = somePeer({
      route: 'relay',
      bytesSent: 3_000,
      bytesReceived: 500,
      traffic: [
        { route: 'relay', sent: 1_000, received: 300 },
        { route: 'webrtc-turn', sent: 2_000, received: 200 },
      ],
      bytesResent: 700,
      betterRoutes: [{ tier: 'tcp', why: '192.0.2.7:4711 did not answer in 10 s.' }],
    });
    const tooltip = rows(someSession({ peers: [peer] }))[1]?.tooltip ?? '';
    expect(tooltip).toContain('Through the signaling server: sent 1.0 kB, received 300 B');
    expect(tooltip).toContain('Through a TURN server: sent 2.0 kB, received 200 B');
    expect(tooltip).toContain('Sent again after interruptions: 700 B');
    expect(tooltip).toContain('No better route yet:\n  direct: 192.0.2.7:4711 did not answer in 10 s.');
    const away = rows(someSession({ peers: [{ ...peer, state: 'offline' }] }))[1]?.tooltip;
    expect(away).not.toContain('No better route');
  });

  it('shows the signaling server only while it is out of reach', () => {
    const signaling = { url: 'wss://signal.example.org', state: 'joined' as const };
    const contexts = (session: Parameters<typeof someSession>[0]): string[] =>
      rows(someSession({ peers: [somePeer()], ...session })).map(({ context }) => context);
    expect(contexts({ signaling })).not.toContain('signaling');
    expect(contexts({})).not.toContain('signaling');
    const connecting = rows(someSession({ signaling: { ...signaling, state: 'connecting' } }));
    expect(connecting.at(-1)).toMatchObject({ context: 'signaling', label: 'Connecting to the signaling server…' });
    const problem = 'It does not answer. Check the URL.';
    const lost = rows(someSession({ signaling: { ...signaling, state: 'connecting', problem } }));
    expect(lost.at(-1)).toMatchObject({ label: 'Signaling server out of reach', description: signaling.url });
    expect(lost.at(-1)?.tooltip).toContain(problem);
  });

  it('shows what is being transferred, and how fast', () => {
    const transfer = { id: '1', task: 'Receiving objects', done: 1, total: 4, bytesPerSecond: 3_200_000 };
    expect(rows(someSession({ peers: [somePeer({ transfer })] }))[1]?.description).toBe(
      'Receiving objects 25% 3.2 MB/s',
    );
  });

  it('tells of an absent peer when it was last in sync', () => {
    expect(rows(someSession({ peers: [somePeer({ state: 'offline', lastSync: 7 })] }))[1]?.description).toBe(
      'offline · synced t7',
    );
  });

  it('groups pending updates and notices, and names people; conflicts have a view of their own', () => {
    const session = someSession({
      peers: [somePeer()],
      pending: [
        { branch: 'main', from: '1'.repeat(40), to: '2'.repeat(40), detail: 'Your changes to a.txt are in the way.' },
      ],
      conflicts: [someConflict({ branch: 'topic' })],
      notices: [{ kind: 'deleted-here', branch: 'gone', peer: fingerprint('b') }],
    });
    const [pending, notices, ...others] = rows(session).slice(2);
    expect(pending?.children?.[0]).toMatchObject({ label: 'main', context: 'pending', target: { branch: 'main' } });
    expect(notices?.children?.[0]).toMatchObject({ label: 'gone', description: 'you deleted it; Bea still has it' });
    expect(others).toEqual([]);
  });

  it('says why a session ended', () => {
    const ended = someSession({ phase: 'ended', error: { reason: 'not-admitted', message: 'Ada removed you.' } });
    expect(rows(ended)).toMatchObject([{ label: 'Session ended', description: 'Ada removed you.', context: 'ended' }]);
  });

  it('gives every row an id of its own, also with several sessions and namesakes', () => {
    const twins = [somePeer(), somePeer({ fingerprint: fingerprint('d') })];
    const all = rows(someSession({ peers: twins }), someSession({ repo: '/repos/other', peers: twins }));
    const ids = all.flatMap((row) => [row, ...(row.children ?? [])]).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(all).toHaveLength(2);
  });

  it('[ED5] neutralises text of peers wherever it shows', () => {
    const nasty = '$(flame) [x](command:evil)';
    const session = someSession({
      repoName: nasty,
      peers: [
        somePeer({
          name: nasty,
          branch: nasty,
          error: { reason: 'internal', message: nasty },
          betterRoutes: [{ tier: nasty, why: nasty }],
        }),
      ],
      signaling: { url: nasty, state: 'connecting', problem: nasty },
      approvals: [{ ...approval, name: nasty, remote: nasty }],
      pending: [{ branch: nasty, from: '', to: '', detail: nasty }],
      conflicts: (['diverged', 'rewound-there', 'deleted-there'] as const).map((kind) =>
        someConflict({
          kind,
          branch: nasty,
          candidates: [{ oid: '', owners: [nasty], mine: false }],
          deletedBy: [nasty],
        }),
      ),
      notices: [{ kind: 'rewound-here', branch: nasty, peer: nasty }],
    });
    const shown = JSON.stringify(rows(session), (key, value: unknown) =>
      key === 'id' || key === 'target' ? undefined : value,
    );
    expect(shown).not.toMatch(/\$\(|\]\(/);
  });
});
