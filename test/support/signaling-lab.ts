import { randomBytes } from 'node:crypto';
import { createIdentity } from '../../extension/src/p2p/link/identity.ts';
import { SignalingClient, type SignalingClientOptions } from '../../extension/src/p2p/signaling/signaling-client.ts';
import { createLogger } from '../../extension/src/shared/log.ts';
import type { PeerId } from '../../extension/src/shared/ids.ts';
import type { RunningServer, ServerOptions } from '../../server/options.ts';
import { startServer } from '../../server/server.ts';

export interface RoomMember {
  readonly peer: PeerId;
  readonly signaling: SignalingClient;
  readonly log: string[];
}

/** A real signaling server on a free port, and members of one room on it. */
export class SignalingLab {
  readonly server: RunningServer;
  readonly secret: Uint8Array = new Uint8Array(randomBytes(16));
  private readonly members: RoomMember[] = [];

  static async start(options: ServerOptions = {}): Promise<SignalingLab> {
    return new SignalingLab(await startServer(options));
  }

  private constructor(server: RunningServer) {
    this.server = server;
  }

  /** Somebody who connects; await `signaling.joined()` where it matters. */
  member(options: Partial<SignalingClientOptions> = {}): RoomMember {
    const log: string[] = [];
    const peer = options.peer ?? createIdentity().peer;
    const signaling = new SignalingClient({
      urls: [this.server.url],
      secret: this.secret,
      peer,
      log: createLogger(({ level, text }) => log.push(`${level} ${text}`)),
      ...options,
    });
    const member = { peer, signaling, log };
    this.members.push(member);
    return member;
  }

  /** As many who have joined, and who all see each other. */
  async joined(count: number, options: Partial<SignalingClientOptions> = {}): Promise<RoomMember[]> {
    const members = Array.from({ length: count }, () => this.member(options));
    await Promise.all(members.map(({ signaling }) => seesPeers(signaling, count - 1)));
    return members;
  }

  async dispose(): Promise<void> {
    for (const { signaling } of this.members.splice(0)) signaling.dispose();
    await this.server.close();
  }
}

/** Resolves when `signaling` is joined and sees that many others, at least. */
export async function seesPeers(signaling: SignalingClient, count: number): Promise<void> {
  await signaling.joined();
  if (signaling.peers.length >= count) return;
  await new Promise<void>((resolve) => {
    const subscription = signaling.onPeers(() => {
      if (signaling.peers.length < count) return;
      subscription.dispose();
      resolve();
    });
  });
}
