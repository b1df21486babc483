import { PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import { newerSurvives } from './glare.ts';
import type { Link } from './link.ts';

/** The links of one session: at most one to each peer (LI5). A link leaves by itself when it closes. */
export class LinkTable {
  private readonly byPeer = new Map<PeerId, Link>();

  get(peer: PeerId): Link | undefined {
    return this.byPeer.get(peer);
  }

  links(): IterableIterator<Link> {
    return this.byPeer.values();
  }

  /** Enters `link`; of two to the same peer one is closed with `link-duplicate`. Resolves to whether `link` is the one that stays. */
  async add(link: Link): Promise<boolean> {
    if (link.state === 'closed') return false;
    const present = this.byPeer.get(link.peer);
    if (present === link) return true;
    const loser = present && !newerSurvives(present, link) ? link : present;
    if (loser !== link) {
      this.byPeer.set(link.peer, link);
      link.onClosed(() => {
        if (this.byPeer.get(link.peer) === link) this.byPeer.delete(link.peer);
      });
    }
    await loser?.close(new PeerweaveError('link-duplicate', 'There is another link to the same peer.'));
    return loser !== link;
  }
}
