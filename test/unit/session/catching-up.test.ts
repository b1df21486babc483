import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import type { Repository, RepositoryProvider } from '../../../extension/src/p2p/repo/repository.ts';
import { CatchingUp } from '../../../extension/src/p2p/session/catching-up.ts';
import { foundSession } from '../../../extension/src/p2p/session/founding.ts';
import { Members } from '../../../extension/src/p2p/session/members.ts';
import type { Network } from '../../../extension/src/p2p/session/network.ts';
import type { SessionRecord } from '../../../extension/src/p2p/session/session-store.ts';
import { PeerweaveError, type Reason } from '../../../extension/src/shared/errors.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';
import { rejectionReason } from '../../support/reason.ts';
import { fakeLink, type FakeLink } from './fake-link.ts';

const [host, self, other] = [createIdentity(), createIdentity(), createIdentity()];
const warnings: Error[] = [];
const onWarning = (warning: Error): void => void warnings.push(warning);
let record: SessionRecord;
beforeEach(() => {
  warnings.length = 0;
  process.on('warning', onWarning);
  const info = { root: '/repos/p', gitDir: '/repos/p/.git', objectFormat: 'sha1' as const, roots: [] };
  record = { ...foundSession(host, info, 'Ada', 24, 0), self: self.peer, historyComplete: false };
  const members = new Members(host, record);
  for (const who of [self, other]) {
    members.admit(Object.assign(fakeLink({ self: host.peer, peer: who.peer }), { publicKey: who.publicKey }), 'x', 1);
  }
});
afterEach(() => process.off('warning', onWarning));

function catchingUp(
  dial: (peer: PeerId) => Promise<FakeLink>,
  completeClone: () => Promise<Repository> = () => Promise.reject(new Error('not asked')),
): CatchingUp {
  return new CatchingUp({
    directory: '/repos/p',
    record,
    network: {
      linkHost: { dial: ({ peer }: { peer: PeerId }) => dial(peer) },
      addressesOf: () => [],
    } as unknown as Network,
    provider: { completeClone } as unknown as RepositoryProvider,
    retryMs: 1,
  });
}

/** A member that lets us in and sends its manifest. */
function welcoming(peer: PeerId): FakeLink {
  const link = fakeLink({ self: self.peer, peer });
  link.answer = async () => {
    await link.hear('manifest', { refs: [] });
    return { roster: [], repo: {}, addresses: [] };
  };
  return link;
}

const away = new PeerweaveError('unreachable', 'away');

describe('a clone whose history is still to come', () => {
  it('asks every member, round after round, and leaves nothing of a round behind', async () => {
    const dialed: PeerId[] = [];
    const back = catchingUp(
      (peer) => {
        dialed.push(peer);
        if (dialed.length < 60) return Promise.reject(away);
        return Promise.resolve(welcoming(peer));
      },
      () => Promise.resolve({} as Repository),
    );
    const { record: found } = await back.run();
    expect(found.historyComplete).toBe(true);
    expect(new Set(dialed)).toEqual(new Set([host.peer, other.peer]));
    expect(warnings).toEqual([]);
  });

  it.each<Reason>(['link-lost', 'peer-left', 'object-missing', 'timeout'])(
    'goes on after %s, over a link of its own',
    async (reason) => {
      const links: FakeLink[] = [];
      let attempts = 0;
      const back = catchingUp(
        (peer) => {
          const link = welcoming(peer);
          links.push(link);
          return Promise.resolve(link);
        },
        () =>
          ++attempts < 3 ? Promise.reject(new PeerweaveError(reason, 'again')) : Promise.resolve({} as Repository),
      );
      await back.run();
      expect(links.map(({ state }) => state)).toEqual(['closed', 'closed', 'connected']);
    },
  );

  it.each<Reason>(['pack-rejected', 'disk-full'])('gives up after %s', async (reason) => {
    const back = catchingUp(
      (peer) => Promise.resolve(welcoming(peer)),
      () => Promise.reject(new PeerweaveError(reason, 'no')),
    );
    expect(await rejectionReason(back.run())).toBe(reason);
  });

  it('stops when the engine does, and when the session is left', async () => {
    const suspended = catchingUp(() => Promise.reject(away));
    const going = suspended.run();
    suspended.suspend();
    expect(await rejectionReason(going)).toBe('link-lost');
    const left = catchingUp(() => Promise.reject(away));
    const leaving = left.run();
    left.cancel();
    expect(await rejectionReason(leaving)).toBe('cancelled');
  });
});
