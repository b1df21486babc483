import type { Duplex } from 'node:stream';
import type { Disposable } from '../../shared/disposable.ts';
import type { Event } from '../../shared/events.ts';

/**
 * A transport is an untrusted, ordered byte pipe (LI1); the SSH session on top of it is the only security.
 * Every tier implements this interface and passes `test/contract/transport-contract.ts`.
 */

/** Tiers in order of worth, best first. `memory` joins two ends of one process and serves tests. */
export type Tier = 'tcp' | 'webrtc' | 'relay' | 'json' | 'memory';

/** What a person is shown as the way to a peer. */
export type Route = 'tcp' | 'webrtc' | 'webrtc-turn' | 'relay' | 'json' | 'memory';

/** Where a peer can be reached on one tier. `value` is `host:port` or `[v6]:port` for tcp, a name for memory. */
export interface TransportAddress {
  readonly tier: Tier;
  readonly value: string;
}

/**
 * One end of an established pipe. The stream is binary, ordered, loss-free while it lives, supports half-close
 * (`end` on one side is `end` on the other), and exerts backpressure both ways: `write` returns false and `drain` follows
 * only as the other side reads. `destroy` may lose what is in flight. A break closes the stream; it already has a listener for `error`,
 * so that a pipe which nobody watches yet cannot end the process.
 */
export interface Pipe {
  readonly stream: Duplex;
  readonly route: Route;
  /** Where the other end is, for logs and tooltips: `192.0.2.7:4711`. */
  readonly remote: string;
  /** `route` or `remote` say something else from now on: WebRTC goes on looking for a better path. Absent where that cannot be. */
  readonly onRoute?: Event<void>;
}

export interface DialOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds until the attempt fails with reason `unreachable`. Default 10,000. */
  readonly timeoutMs?: number;
}

export interface Listener extends Disposable {
  /** Where others reach this listener. For tcp on all interfaces: one address for each interface. */
  readonly addresses: readonly TransportAddress[];
}

export interface ListenOptions {
  /** Interface to bind; all interfaces when absent. */
  readonly host?: string;
  /** Port to bind; a free one when absent or 0. */
  readonly port?: number;
  readonly onPipe: (pipe: Pipe) => void;
  readonly onError?: (error: Error) => void;
}

export interface Transport {
  readonly tier: Tier;
  /** Throws `PeerweaveError` with reason `unreachable`, or `cancelled` when the signal fired. */
  dial(address: TransportAddress, options?: DialOptions): Promise<Pipe>;
  listen(options: ListenOptions): Promise<Listener>;
}
