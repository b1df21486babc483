import { randomBytes } from 'node:crypto';
import { ZodError } from 'zod';
import { messageOf } from '../extension/src/shared/errors.ts';
import type { Logger } from '../extension/src/shared/log.ts';
import { ID_BYTES } from '../extension/src/p2p/signaling/wire/messages.ts';
import {
  nodeChannel,
  nodeMail,
  nodeNews,
  NODES_CHANNEL,
  roomChannel,
  roomNews,
  type NodeMail,
  type NodeMessage,
  type NodeNews,
  type RoomNews,
} from './bus-messages.ts';
import type { Bus, BusListener } from './bus.ts';
import type { Metrics } from './metrics.ts';
import type { ServerLimits } from './options.ts';
import { RedisLine } from './redis-line.ts';

export interface RedisBusOptions {
  readonly url: string;
  readonly listener: BusListener;
  readonly limits: ServerLimits;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly now: () => number;
}

/** Joins the rooms of several nodes over Redis pub/sub; see `bus-messages.ts`. While Redis is away everything here goes on locally. */
export class RedisBus implements Bus {
  private readonly node = randomBytes(ID_BYTES).toString('base64url');
  private readonly options: RedisBusOptions;
  private readonly line: RedisLine;
  /** When each other node was last heard of. */
  private readonly nodes = new Map<string, number>();
  /** Rooms whose channel is listened to, and those for which that is about to change. */
  private readonly listening = new Set<string>();
  private readonly settling = new Set<string>();
  private readonly beating: NodeJS.Timeout;
  /** When Redis last brought back what this node had said to all: only then is it known to work. */
  private echoed = -Infinity;
  /** Something was lost, so that everything has to be said again. */
  private stale = true;
  private saying = false;
  private problem: string | undefined;
  private said: 'connected' | 'lost' | undefined;

  constructor(options: RedisBusOptions) {
    this.options = options;
    this.line = new RedisLine({
      url: options.url,
      maxBytes: options.limits.busBytes,
      metrics: options.metrics,
      onMessage: (channel, text) => this.hear(channel, text),
      onReady: () => void this.begin(),
      onError: (error) => this.lost(error),
    });
    this.beating = setInterval(() => this.beat(), Math.ceil(options.limits.nodeMs / 3));
  }

  get state(): 'connected' | 'lost' {
    const { limits, now } = this.options;
    return this.line.isReady && now() - this.echoed < limits.nodeMs ? 'connected' : 'lost';
  }

  announce(room: string): void {
    if (this.listening.has(room) && !this.settling.has(room)) this.sayPeers(room, { ask: false });
    void this.settle(room);
  }

  tell(node: string, message: NodeMessage): boolean {
    return this.line.publish(nodeChannel(node), message);
  }

  async close(): Promise<void> {
    clearInterval(this.beating);
    this.line.publish(NODES_CHANNEL, { kind: 'bye', node: this.node } satisfies NodeNews);
    await this.line.close();
  }

  /** Redis is there, perhaps again. What this node says to all comes back to it, and with that it starts; see `onNodeNews`. */
  private async begin(): Promise<void> {
    this.stale = true;
    try {
      await this.line.listen(NODES_CHANNEL, nodeChannel(this.node));
      this.beat();
    } catch (error) {
      this.lost(error);
    }
  }

  private hear(channel: string, text: string): void {
    try {
      const message: unknown = JSON.parse(text);
      if (channel === NODES_CHANNEL) this.onNodeNews(nodeNews.parse(message));
      else if (channel === nodeChannel(this.node)) this.onMail(nodeMail.parse(message));
      else this.onRoomNews(roomNews.parse(message));
    } catch (error) {
      const malformed = error instanceof SyntaxError || error instanceof ZodError;
      this.options.metrics.dropped(malformed ? 'bus-malformed' : 'internal');
      if (!malformed) this.options.log.error(messageOf(error));
    }
  }

  /** A sign of life, and a look at who gave none. */
  private beat(): void {
    this.line.publish(NODES_CHANNEL, { kind: 'alive', node: this.node } satisfies NodeNews);
    const { limits, now } = this.options;
    for (const [node, heard] of this.nodes) if (now() - heard >= limits.nodeMs) this.forget(node);
    this.report();
  }

  private onNodeNews({ kind, node }: NodeNews): void {
    if (node === this.node) {
      this.echoed = this.options.now();
      this.report();
      if (this.stale) void this.sayEverything();
    } else if (kind === 'bye') this.forget(node);
    else {
      // New, or taken for dead when only its signs of life were late: it may not know that it has to say who is there.
      if (!this.nodes.has(node)) this.stale = true;
      this.nodes.set(node, this.options.now());
    }
  }

  private onRoomNews({ node, room, peers, ask }: RoomNews): void {
    if (node === this.node) return;
    this.nodes.set(node, this.options.now());
    this.options.listener.onPeers(room, node, peers);
    if (ask) this.line.publish(nodeChannel(node), this.peersOf(room, { ask: false }));
  }

  private onMail(mail: NodeMail): void {
    if (mail.kind === 'peers') this.onRoomNews(mail);
    else this.options.listener.onMessage(mail);
  }

  private forget(node: string): void {
    this.nodes.delete(node);
    this.options.listener.onNodeGone(node);
  }

  /** One room after the other, no faster than Redis takes it. */
  private async sayEverything(): Promise<void> {
    if (this.saying) return;
    this.saying = true;
    this.stale = false;
    for (const room of new Set([...this.options.listener.localRooms(), ...this.listening])) {
      if (this.listening.has(room)) this.sayPeers(room, { ask: true });
      await this.settle(room);
      await this.line.flushed();
    }
    this.saying = false;
  }

  /** Listens to a room's channel while somebody of it is here; whoever comes to a room asks who is there. */
  private async settle(room: string): Promise<void> {
    if (this.settling.has(room)) return;
    this.settling.add(room);
    try {
      for (;;) {
        const wanted = this.options.listener.localPeers(room).length > 0;
        if (!this.line.isReady || wanted === this.listening.has(room)) break;
        if (wanted) {
          await this.line.listen(roomChannel(room));
          this.listening.add(room);
          this.sayPeers(room, { ask: true });
        } else {
          await this.line.ignore(roomChannel(room));
          this.listening.delete(room);
        }
      }
    } catch (error) {
      // What is wanted then is done when Redis is back.
      this.lost(error);
    } finally {
      this.settling.delete(room);
    }
  }

  private sayPeers(room: string, { ask }: { ask: boolean }): void {
    if (!this.line.publish(roomChannel(room), this.peersOf(room, { ask }))) this.stale = true;
  }

  private peersOf(room: string, { ask }: { ask: boolean }): RoomNews {
    return { kind: 'peers', node: this.node, room, peers: [...this.options.listener.localPeers(room)], ask };
  }

  private lost(error: unknown): void {
    this.problem = messageOf(error);
    this.stale = true;
    this.report();
  }

  /** Says once what has changed. */
  private report(): void {
    const { state } = this;
    if (state === 'lost') this.stale = true;
    const isEarly = this.said === undefined && this.problem === undefined && state === 'lost';
    if (state === this.said || isEarly) return;
    this.said = state;
    if (state === 'connected') this.problem = undefined;
    if (state === 'connected') this.options.log.info('Redis is there: rooms are shared with other nodes.');
    else
      this.options.log.warn(
        `Redis is not there: rooms are of this node only until it is. ${this.problem ?? 'It does not answer.'}`,
      );
  }
}
