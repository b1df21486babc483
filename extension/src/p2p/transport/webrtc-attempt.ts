import { deferred } from '../../shared/deferred-promise.ts';
import type { Disposable } from '../../shared/disposable.ts';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import { Emitter } from '../../shared/events.ts';
import { peerText } from '../../shared/peer-text.ts';
import type { SignalMessage } from '../signaling/signaling.ts';
import type { HostedConnection } from './hosted-connection.ts';
import { formatIceCandidate, parseIceCandidate } from './ice-candidate.ts';
import { formatSessionDescription, parseSessionDescription, type SessionDescription } from './session-description.ts';
import type { Pipe } from './transport.ts';

/** More than libjuice looks at (30), and than any machine has use for. */
const MAX_CANDIDATES = 64;
const MAX_REFUSAL_LENGTH = 200;
const MID = '0';

export interface AttemptOptions {
  /** 128 bits in base64url, made by whoever dials. */
  readonly id: string;
  /** Makes the connection; may take a while, for ICE servers have to be asked for. */
  readonly connect: () => Promise<HostedConnection>;
  /** Says something to the other side. */
  readonly say: (message: SignalMessage) => void;
  /** Looks at candidates of this very machine, for there is no other network. */
  readonly allowLoopback: boolean;
}

/** What the other side may say of an attempt that has begun. */
export type AttemptMessage = Extract<SignalMessage, { kind: 'answer' | 'candidate' | 'refuse' }>;

/** What the two sides of one peer connection tell each other by signaling, from either side. */
export class WebRtcAttempt implements Disposable {
  private readonly options: AttemptOptions;
  private readonly opening = deferred<Pipe>();
  private readonly ended = new Emitter<void>();
  private connection: HostedConnection | undefined;
  /** Candidates that came before they could be looked at; undefined once they can. */
  private early: string[] | undefined = [];
  private candidates = 0;
  private state: 'trying' | 'open' | 'ended' = 'trying';
  /** Once: nothing more is to be said of it. */
  readonly onEnded = this.ended.event;

  constructor(options: AttemptOptions) {
    this.options = options;
  }

  /** Resolves when it is open; rejects with `unreachable`, or what it was given up for. */
  get pipe(): Promise<Pipe> {
    return this.opening.promise;
  }

  /** It is neither open nor over. */
  get trying(): boolean {
    return this.state === 'trying';
  }

  /** The other side has described itself. */
  get heard(): boolean {
    return this.early === undefined;
  }

  /** Begins as the one who dials. */
  dial(): void {
    this.begin((connection) => {
      this.tell(connection, 'offer');
      connection.offer();
    });
  }

  /** Begins with the other side's offer, which may be anything. */
  accept(sdp: string): void {
    const offer = this.read(sdp);
    if (offer === undefined) return this.giveUp(new PeerweaveError('unreachable', 'The offer was malformed.'));
    this.begin((connection) => {
      this.tell(connection, 'answer');
      connection.accept(offer);
      this.takeCandidates(connection);
    });
  }

  /** What makes no sense is left out; what shows that nothing can come of the attempt ends it. */
  hear(message: AttemptMessage): void {
    switch (message.kind) {
      case 'answer':
        return this.hearAnswer(message.sdp);
      case 'candidate':
        return this.hearCandidate(message.candidate);
      case 'refuse':
        if (this.state === 'trying') this.end(refused(message.message));
    }
  }

  /** Ends what is not open yet, and tells the other side why. */
  giveUp(error: PeerweaveError): void {
    if (this.state !== 'trying') return;
    const { id, say } = this.options;
    say({ kind: 'refuse', attempt: id, message: error.message.slice(0, MAX_REFUSAL_LENGTH) });
    this.end(error);
  }

  /** Why it is not open (yet), for people. */
  whyNot(): string {
    return this.connection?.whyNot() ?? 'The ICE servers did not become known.';
  }

  /** Ends it, also when it is open. */
  dispose(): void {
    this.end(new PeerweaveError('cancelled', 'The connection attempt was cancelled.'));
  }

  private begin(start: (connection: HostedConnection) => void): void {
    this.options.connect().then(
      (connection) => {
        if (this.state === 'ended') return connection.dispose();
        this.connection = connection;
        connection.onOpened((pipe) => {
          this.state = 'open';
          this.opening.resolve(pipe);
        });
        connection.onEnded((error) => {
          if (error === undefined) this.end(refused('It hung up.'));
          else if (this.state === 'trying') this.giveUp(error);
          else this.end(error);
        });
        start(connection);
      },
      (error: unknown) => this.giveUp(asPeerweaveError(error, 'unreachable')),
    );
  }

  private tell(connection: HostedConnection, kind: 'offer' | 'answer'): void {
    const { id, say } = this.options;
    connection.onDescribed((own) => say({ kind, attempt: id, sdp: formatSessionDescription(own) }));
    connection.onCandidate((own) =>
      say({ kind: 'candidate', attempt: id, candidate: formatIceCandidate(own), mid: MID }),
    );
  }

  private hearAnswer(sdp: string): void {
    const { connection } = this;
    // One answer to an attempt, and only from who was asked: not to our own answer.
    if (connection === undefined || this.early === undefined || this.state !== 'trying') return;
    const answer = this.read(sdp);
    if (answer === undefined) return this.giveUp(new PeerweaveError('unreachable', 'The answer was malformed.'));
    connection.answered(answer);
    this.takeCandidates(connection);
  }

  private takeCandidates(connection: HostedConnection): void {
    const early = this.early ?? [];
    this.early = undefined;
    for (const line of early) this.addCandidate(connection, line);
  }

  private hearCandidate(line: string): void {
    this.candidates += 1;
    if (this.candidates > MAX_CANDIDATES || this.state === 'ended') return;
    if (this.early !== undefined) this.early.push(line);
    else if (this.connection !== undefined) this.addCandidate(this.connection, line);
  }

  private addCandidate(connection: HostedConnection, line: string): void {
    const candidate = parseIceCandidate(line, this.options);
    if (candidate !== undefined) connection.addCandidate(candidate);
  }

  private read(sdp: string): SessionDescription | undefined {
    const description = parseSessionDescription(sdp, this.options);
    if (description === undefined) return undefined;
    this.candidates += description.candidates.length;
    return { ...description, candidates: description.candidates.slice(0, MAX_CANDIDATES) };
  }

  private end(error: PeerweaveError): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.early = undefined;
    this.opening.reject(error);
    this.connection?.dispose();
    this.ended.fire();
  }
}

const refused = (message: string): PeerweaveError =>
  new PeerweaveError('unreachable', `The other side refused: ${peerText(message)}`);
