import type { WebSocket } from 'ws';
import type { Disposable } from '../../shared/disposable.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import type { Meeting } from '../signaling/signaling.ts';
import type { FrameChannel } from './frame-channel.ts';
import type { FrameCodec } from './meeting-channel.ts';
import { MeetingConnection } from './meeting-connection.ts';

/** A link that moves or comes back soon needs a connection again. */
const IDLE_MS = 10_000;
/** For the last words of the links on it, once nobody wants it any more. */
const FAREWELL_MS = 5_000;

export interface MeetingConnectionsParts {
  readonly codec: FrameCodec;
  /** Connects to the server of the meeting and sends our `attach`. */
  readonly open: (meeting: Meeting) => Promise<WebSocket>;
  /** Milliseconds that a connection without meetings stays. */
  readonly idleMs?: number;
  /** Milliseconds for a server to answer. */
  readonly answerMs?: number;
}

/** One connection to each server for all meetings of a tier there, opened for the first and closed some time after the last. */
export class MeetingConnections implements Disposable {
  private readonly parts: MeetingConnectionsParts;
  /** By URL and our own connection to the room. A new one of these means that the network was another, or a server was away. */
  private readonly connections = new Map<string, Promise<MeetingConnection>>();
  private readonly open = new Set<MeetingConnection>();
  private disposed = false;

  constructor(parts: MeetingConnectionsParts) {
    this.parts = parts;
  }

  /** Takes our seat in the meeting. Throws what connecting does. */
  async attach(meeting: Meeting): Promise<FrameChannel> {
    const known = this.connections.get(keyOf(meeting));
    if (!known) return this.attachFirst(meeting);
    const connection = await known;
    if (connection.isWelcome) return connection.attach(meeting);
    this.forget(meeting, known);
    return this.attach(meeting);
  }

  /** Connections close as soon as the meetings on them have ended, and soon in any case. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const connection of this.open) {
      if (connection.isEmpty) connection.close();
      else this.partWith(connection);
    }
  }

  private async attachFirst(meeting: Meeting): Promise<FrameChannel> {
    const opening = this.connect(meeting);
    this.connections.set(keyOf(meeting), opening);
    try {
      return (await opening).attached(meeting);
    } catch (error) {
      this.forget(meeting, opening);
      throw error;
    }
  }

  private async connect(meeting: Meeting): Promise<MeetingConnection> {
    const connection = new MeetingConnection(await this.parts.open(meeting), this.parts.codec, this.parts.answerMs);
    if (this.disposed) {
      connection.close();
      throw new PeerweaveError('cancelled', 'The session has ended.');
    }
    this.open.add(connection);
    let idle: NodeJS.Timeout | undefined;
    connection.onEmpty(() => {
      clearTimeout(idle);
      if (this.disposed) return connection.close();
      idle = setTimeout(() => connection.isEmpty && connection.close(), this.parts.idleMs ?? IDLE_MS);
      idle.unref();
    });
    connection.onClosed(() => {
      clearTimeout(idle);
      this.open.delete(connection);
    });
    return connection;
  }

  private partWith(connection: MeetingConnection): void {
    const timer = setTimeout(() => connection.terminate(), FAREWELL_MS);
    connection.onClosed(() => clearTimeout(timer));
  }

  private forget(meeting: Meeting, opening: Promise<MeetingConnection>): void {
    if (this.connections.get(keyOf(meeting)) === opening) this.connections.delete(keyOf(meeting));
  }
}

const keyOf = ({ url, self }: Meeting): string => `${self} ${url}`;
