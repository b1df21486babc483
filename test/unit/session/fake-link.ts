import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import type { Link, LinkState } from '../../../extension/src/p2p/link/link.ts';
import { Emitter } from '../../../extension/src/shared/events.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import type { Route, TransportAddress } from '../../../extension/src/p2p/transport/transport.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';

export interface FakeLink extends Link {
  state: LinkState;
  /** What was sent, and asked, in order. */
  readonly said: { readonly method: string; readonly params: unknown }[];
  /** What answers our `join`. */
  answer: () => Promise<unknown>;
  /** Lets the peer say something. */
  hear(method: string, params: unknown): Promise<unknown>;
  readonly closedFor: PeerweaveError | undefined;
  /** Where it was last told that its peer may be. */
  readonly knownAddresses: readonly TransportAddress[] | undefined;
}

export interface FakeLinkFacts {
  readonly self: PeerId;
  readonly peer?: PeerId;
  readonly dialer?: boolean;
  readonly dial?: number;
  readonly instance?: string;
}

/** A link without a network: what is said on it is written down, and the test speaks for the peer. */
export function fakeLink(facts: FakeLinkFacts): FakeLink {
  const identity = createIdentity();
  const handlers = new Map<string, (params: never) => unknown>();
  const states = new Emitter<LinkState>();
  const closings = new Emitter<PeerweaveError>();
  const routes = new Emitter<Route>();
  const link = {
    self: facts.self,
    peer: facts.peer ?? identity.peer,
    publicKey: identity.publicKey,
    dialer: facts.dialer ?? false,
    dial: facts.dial ?? 1,
    sessionBinding: new Uint8Array(32),
    remote: { protocol: 1, capabilities: [], software: 'test/1', instance: facts.instance ?? 'one', dial: 1 },
    state: 'connected' as LinkState,
    route: 'memory',
    remoteAddress: '192.0.2.7:4711',
    rttMs: undefined,
    bytesSent: 0,
    bytesReceived: 0,
    traffic: new Map(),
    bytesResent: 0,
    moves: 0,
    betterRoutes: [],
    said: [] as FakeLink['said'],
    closedFor: undefined as PeerweaveError | undefined,
    answer: () => Promise.resolve({ roster: [], repo: {}, addresses: [] }) as Promise<unknown>,
    admit: () => undefined,
    knownAddresses: undefined as FakeLink['knownAddresses'],
    updateAddresses: (addresses: readonly TransportAddress[]) => void (link.knownAddresses = addresses),
    replaceTransport: () => Promise.resolve(),
    onExec: () => undefined,
    exec: () => Promise.reject(new PeerweaveError('link-lost', 'no network')),
    onState: states.event,
    onRoute: routes.event,
    onClosed: closings.event,
    control: {
      notify: (method: string, params: unknown) => void link.said.push({ method, params }),
      request: (method: string, params: unknown) => {
        link.said.push({ method, params });
        return link.answer();
      },
      handleRequest: (method: string, handler: (params: never) => unknown) => void handlers.set(method, handler),
      handleNotification: (method: string, handler: (params: never) => unknown) => void handlers.set(method, handler),
    },
    hear: async (method: string, params: unknown) => handlers.get(method)?.(params as never),
    close: async (error: PeerweaveError) => {
      if (link.state === 'closed') return;
      link.state = 'closed';
      link.closedFor = error;
      states.fire('closed');
      closings.fire(error);
    },
  };
  return link as unknown as FakeLink;
}
