import { describe, expect, it } from 'vitest';
import type { SignalMessage } from '../../../extension/src/p2p/signaling/signaling.ts';
import type { SessionDescription } from '../../../extension/src/p2p/transport/session-description.ts';
import { WebRtcAttempt } from '../../../extension/src/p2p/transport/webrtc-attempt.ts';
import type { HostedConnection } from '../../../extension/src/p2p/transport/hosted-connection.ts';
import { deferred } from '../../../extension/src/shared/deferred-promise.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import { Emitter } from '../../../extension/src/shared/events.ts';
import { deadDescription } from '../../support/dead-description.ts';

/** Stands in for a native connection, and notes what it is told. */
class FakeConnection {
  readonly calls: string[] = [];
  readonly described = new Emitter<SessionDescription>();
  readonly ended = new Emitter<PeerweaveError | undefined>();
  readonly onDescribed = this.described.event;
  readonly onCandidate = new Emitter<never>().event;
  readonly onOpened = new Emitter<never>().event;
  readonly onEnded = this.ended.event;
  offer = (): void => void this.calls.push('offer');
  accept = (): void => void this.calls.push('accept');
  answered = (): void => void this.calls.push('answered');
  addCandidate = ({ port }: { port: number }): void => void this.calls.push(`candidate ${port}`);
  whyNot = (): string => 'because';
  dispose = (): void => void this.calls.push('dispose');
}

function setUp(connecting: Promise<void> = Promise.resolve()): {
  connection: FakeConnection;
  attempt: WebRtcAttempt;
  said: SignalMessage[];
} {
  const connection = new FakeConnection();
  const said: SignalMessage[] = [];
  const attempt = new WebRtcAttempt({
    id: 'A'.repeat(22),
    connect: async () => {
      await connecting;
      return connection as unknown as HostedConnection;
    },
    say: (message) => said.push(message),
    allowLoopback: false,
  });
  return { connection, attempt, said };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const base = { attempt: 'A'.repeat(22) } as const;
const candidate = (port: number) =>
  ({ kind: 'candidate', candidate: `candidate:1 1 UDP 1 192.0.2.7 ${port} typ host`, mid: '0', ...base }) as const;
const answer = { kind: 'answer', sdp: deadDescription('active'), ...base } as const;

describe('an attempt at WebRTC', () => {
  it('keeps candidates until there is an answer they belong to', async () => {
    const { connection, attempt } = setUp();
    attempt.dial();
    await turn();
    attempt.hear(candidate(1));
    expect(connection.calls).toEqual(['offer']);
    attempt.hear(answer);
    attempt.hear(candidate(2));
    expect(connection.calls).toEqual(['offer', 'answered', 'candidate 1', 'candidate 2']);
  });

  it('looks at 64 candidates and keeps none of the rest, however early they come [LI8]', async () => {
    const ready = deferred();
    const { connection, attempt } = setUp(ready.promise);
    attempt.accept(deadDescription('actpass'));
    for (let port = 1; port <= 10_000; port++) attempt.hear(candidate(port));
    ready.resolve();
    await turn();
    for (let port = 1; port <= 100; port++) attempt.hear(candidate(port));
    expect(connection.calls).toEqual(['accept', ...Array.from({ length: 64 }, (_, index) => `candidate ${index + 1}`)]);
  });

  it('takes one answer, and none to its own', async () => {
    const dialer = setUp();
    dialer.attempt.dial();
    await turn();
    dialer.attempt.hear(answer);
    dialer.attempt.hear(answer);
    expect(dialer.connection.calls).toEqual(['offer', 'answered']);
    const answerer = setUp();
    answerer.attempt.accept(deadDescription('actpass'));
    await turn();
    answerer.attempt.hear(answer);
    expect(answerer.connection.calls).toEqual(['accept']);
  });

  it('lets go of a connection that comes when it is over', async () => {
    const ready = deferred();
    const { connection, attempt, said } = setUp(ready.promise);
    attempt.dial();
    attempt.giveUp(new PeerweaveError('unreachable', 'Too late.'));
    await expect(attempt.pipe).rejects.toThrow('Too late.');
    ready.resolve();
    await turn();
    expect(connection.calls).toEqual(['dispose']);
    expect(said).toEqual([{ kind: 'refuse', message: 'Too late.', ...base }]);
  });

  it('says why when it fails, and nothing when the other side has said so', async () => {
    const failing = setUp();
    failing.attempt.dial();
    await turn();
    failing.connection.ended.fire(new PeerweaveError('unreachable', 'No way.'));
    expect(failing.said).toEqual([{ kind: 'refuse', message: 'No way.', ...base }]);
    const refused = setUp();
    refused.attempt.dial();
    await turn();
    refused.attempt.hear({ kind: 'refuse', message: 'No.', ...base });
    expect(refused.said).toEqual([]);
    await expect(refused.attempt.pipe).rejects.toThrow('The other side refused: No.');
  });

  it('ends without a connection when none can be made', async () => {
    const { attempt, said } = setUp(Promise.reject(new Error('no sockets left')));
    attempt.dial();
    await expect(attempt.pipe).rejects.toMatchObject({ reason: 'unreachable', message: 'no sockets left' });
    expect(said).toHaveLength(1);
  });
});
