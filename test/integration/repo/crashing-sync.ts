import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { writePrivately } from '../../../extension/src/p2p/home.ts';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import { SyncDriver } from '../../../extension/src/p2p/session/sync-driver.ts';
import type { BranchStanding, Refs } from '../../../extension/src/p2p/sync/model.ts';
import type { Strategy } from '../../../extension/src/p2p/sync/strategy.ts';
import { SyncCore } from '../../../extension/src/p2p/sync/sync-core.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';

interface Peer {
  readonly peer: PeerId;
  readonly refs: Refs;
  readonly strategy: Strategy;
  readonly connect: () => Promise<Duplex>;
}

const DONE: ReadonlySet<BranchStanding | undefined> = new Set(['equal', 'remote-behind']);

/** A sync as a session makes it, core, driver and saved state, with one peer; resolves when `main` has all that the peer's has. */
export async function syncUntilDone(repository: Repository, { peer, refs, strategy, connect }: Peer): Promise<string> {
  const core = new SyncCore({ strategies: { session: strategy, branches: new Map() } });
  const link = { exec: connect, control: { notify: () => undefined } } as unknown as Link;
  const saved = join(repository.info.gitDir, 'peerweave', 'session.json');
  let saving: Promise<void> = Promise.resolve();
  let changed = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    changed = () => {
      const main = core.branches().find(({ branch }) => branch === 'main');
      if (DONE.has(main?.peers[0]?.standing)) resolve();
    };
  });
  const driver = new SyncDriver(core, repository, {
    log: silentLogger,
    link: () => link,
    namespace: () => 'alice',
    nameOf: () => 'Alice',
    announce: () => Promise.resolve(),
    greet: () => undefined,
    persist: () => {
      saving = saving.then(() => writePrivately(saved, JSON.stringify(core.persisted())));
    },
    refsMoved: () => undefined,
    synced: () => undefined,
    progress: () => undefined,
    syncFailed: () => undefined,
    changed: () => changed(),
  });
  await driver.start();
  driver.handle({ type: 'peer-up', peer });
  driver.handle({ type: 'manifest', peer, seq: 1, refs });
  await done;
  await driver.stop(10_000);
  await saving;
  return 'synced';
}
