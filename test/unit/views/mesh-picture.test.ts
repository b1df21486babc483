import { describe, expect, it } from 'vitest';
import { isReady } from '../../../extension/src/views/mesh-messages.ts';
import { meshPicture } from '../../../extension/src/views/mesh-picture.ts';
import { somePeer as peer, someSession as session } from '../../support/session-views.ts';

describe('session map', () => {
  it('shows everybody with route, round trip, branch and distance', () => {
    const online = peer({
      name: 'Bea',
      state: 'online',
      route: 'tcp',
      rttMs: 12.3,
      branch: 'main',
      ahead: 2,
      behind: 0,
    });
    const away = peer({ name: 'Cy', state: 'offline', inSync: false });
    const diverged = peer({ name: 'Dan', diverged: 1 });
    const picture = meshPicture(session({ peers: [online, away, diverged] }));
    expect(picture.peers).toMatchObject([
      { name: 'Bea', look: 'online', route: 'direct · 12 ms', branch: 'main ↑2', sync: 'in sync' },
      { name: 'Cy', look: 'away', route: 'offline', sync: 'not in sync yet' },
      { name: 'Dan', look: 'online', sync: '1 branch diverged, the rest in sync' },
    ]);
  });

  it('[ED5] neutralises what peers call themselves', () => {
    const hostile = peer({ name: '$(flame)\u202e[x](command:a)', branch: '$(bug)' });
    const text = JSON.stringify(meshPicture(session({ peers: [hostile] })));
    expect(text).not.toMatch(/\$\(|\]\(|\u202e/u);
  });

  it('listens to nothing but the page’s ready', () => {
    expect(isReady({ type: 'ready' })).toBe(true);
    for (const other of [undefined, null, 'ready', { type: 'other' }, []]) expect(isReady(other)).toBe(false);
  });
});
