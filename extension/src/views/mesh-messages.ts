/**
 * What the session map's page and its host say to each other. The page imports this file and nothing else of the extension. Every
 * text is plain and ready to show; the page puts it into text nodes only (ED5).
 */

/** How a line between two people is drawn. */
export type LinkLook = 'online' | 'reconnecting' | 'away';

export interface MeshPeer {
  readonly id: string;
  readonly name: string;
  readonly look: LinkLook;
  /** `direct · 12 ms`, or what keeps the peer away. */
  readonly route: string;
  /** `main ↑1`, empty when not known. */
  readonly branch: string;
  /** `in sync`, or how far it is. */
  readonly sync: string;
}

export interface MeshPicture {
  readonly title: string;
  readonly self: { readonly name: string; readonly branch: string };
  readonly peers: readonly MeshPeer[];
}

/** Host → page: what to draw; null when there is no session any more. */
export interface MeshUpdate {
  readonly type: 'picture';
  readonly picture: MeshPicture | null;
}

/** Page → host: it listens now. Anything else is ignored. */
export const isReady = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready';
