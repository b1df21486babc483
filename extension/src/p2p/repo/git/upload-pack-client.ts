import type { Writable } from 'node:stream';
import { isOid, type Oid } from '../../../shared/ids.ts';
import { drained } from './drained.ts';
import { FLUSH, pktLine, PktLineError, PktLineReader } from './pkt-line.ts';

/**
 * The fetching side of `git upload-pack`, protocol v0 (gitprotocol-pack(5)):
 *
 *   peer: advertisement of refs, flush
 *   us:   want… , [deepen 1], flush          peer: [shallow…, flush]
 *   us:   have… , flush   (repeated)         peer: ACK <oid> common|ready…, NAK
 *   us:   done                               peer: ACK or NAK, then the pack in side-band packets, flush
 *
 * Spoken here instead of by `git fetch`, because git could reach a stream of ours only through a port or the `fd::` helper that
 * Windows lacks, would have to be kept from writing refs and FETCH_HEAD, and could not hold a pack that it asked for (`clone.ts`).
 * It is not faster: for one commit between two folders, `receive` takes 26 ms and a plain `git fetch`, which neither stages nor
 * checks nor syncs, 18 (the least of 25; git 2.39, 2 cores).
 */

/** What the peer offers: its refs and its capabilities. */
export interface Advertisement {
  readonly refs: ReadonlyMap<string, Oid>;
  readonly capabilities: ReadonlySet<string>;
}

/** Refs beyond this are refused: an advertisement is held in memory. */
const MAX_ADVERTISED_REFS = 200_000;
/** Haves in the first round; each next round doubles, up to `MAX_ROUND`, as git does. */
const FIRST_ROUND = 32;
const MAX_ROUND = 1024;
/** After so many haves we ask for what the peer has, common ancestor or not. */
const MAX_HAVES = 16_384;

export interface FetchPlan {
  readonly wants: readonly Oid[];
  /** Commits that we have, the likeliest first. With `certain` they are known to the peer and no round is spent on asking. */
  readonly haves: AsyncIterable<Oid> | Iterable<Oid>;
  readonly certain: boolean;
  /** Fetch only the tips, without history. */
  readonly tipOnly?: boolean;
  /** It is what is new since we last fetched from this peer: a few objects, as a rule. */
  readonly update?: boolean;
}

export interface PackResponse {
  /** Commits whose parents are left out. Empty unless `tipOnly`. */
  readonly shallow: readonly Oid[];
  readonly pack: AsyncGenerator<Buffer>;
}

export class UploadPackClient {
  private readonly reader: PktLineReader;
  private readonly output: Writable;

  constructor(input: AsyncIterable<Buffer>, output: Writable) {
    this.reader = new PktLineReader(input);
    this.output = output;
  }

  /** Throws `PktLineError` when the peer speaks anything but v0. */
  async advertisement(): Promise<Advertisement> {
    const refs = new Map<string, Oid>();
    let capabilities = new Set<string>();
    for (let first = true; ; first = false) {
      const packet = await this.reader.packet();
      if (packet === undefined) throw new PktLineError('the stream ended before the refs');
      if (packet === 'flush') return { refs, capabilities };
      const [line = '', extra] = packet.toString('utf8').trimEnd().split('\0');
      if (line.startsWith('ERR ')) throw new PktLineError(`the peer's git failed: ${line.slice(4, 500)}`);
      if (first) capabilities = new Set((extra ?? '').split(' ').filter(Boolean));
      const space = line.indexOf(' ');
      const oid = line.slice(0, space);
      if (!isOid(oid)) {
        if (line.startsWith('shallow ')) throw new PktLineError('the peer is a shallow clone');
        throw new PktLineError('not a ref advertisement');
      }
      const name = line.slice(space + 1);
      if (name !== 'capabilities^{}') refs.set(name, oid);
      if (refs.size > MAX_ADVERTISED_REFS) throw new PktLineError('the peer advertises too many refs');
    }
  }

  /** Says that nothing is wanted and ends the conversation. */
  finish(): void {
    this.output.end(FLUSH);
  }

  /** Resolves once the peer has nothing more to say. */
  async ended(): Promise<void> {
    while ((await this.reader.packet()) !== undefined);
  }

  async fetch(offer: Advertisement, plan: FetchPlan, onProgress: (text: string) => void): Promise<PackResponse> {
    const wanted = [
      'multi_ack_detailed',
      'side-band-64k',
      'ofs-delta',
      'thin-pack',
      ...(plan.tipOnly === true ? ['shallow'] : []),
    ];
    if (!offer.capabilities.has('side-band-64k')) throw new PktLineError('the peer lacks side-band-64k');
    const format = [...offer.capabilities].find((name) => name.startsWith('object-format='));
    const capabilities = [
      ...wanted.filter((name) => offer.capabilities.has(name)),
      ...(format === undefined ? [] : [format]),
    ];
    const wants = plan.wants.map((oid, index) =>
      pktLine(`want ${oid}${index === 0 ? ` ${capabilities.join(' ')}` : ''}\n`),
    );
    await this.send([...wants, ...(plan.tipOnly === true ? [pktLine('deepen 1\n')] : []), FLUSH]);
    const shallow = plan.tipOnly === true ? await this.readShallow() : [];
    await this.negotiate(plan);
    await this.skipAnswers();
    return { shallow, pack: this.reader.sideband(onProgress) };
  }

  private async readShallow(): Promise<Oid[]> {
    const shallow: Oid[] = [];
    for (;;) {
      const packet = await this.reader.packet();
      if (packet === undefined) throw new PktLineError('the stream ended in the negotiation');
      if (packet === 'flush') return shallow;
      const [word, oid = ''] = packet.toString('latin1').trimEnd().split(' ');
      if (word !== 'shallow' || !isOid(oid)) throw new PktLineError('unexpected answer to deepen');
      shallow.push(oid);
    }
  }

  /** Sends haves and, in the end, `done`. */
  private async negotiate(plan: FetchPlan): Promise<void> {
    if (plan.certain) {
      const haves: string[] = [];
      for await (const oid of plan.haves) haves.push(pktLine(`have ${oid}\n`));
      await this.send([...haves, pktLine('done\n')]);
      return;
    }
    let round: string[] = [];
    let roundSize = FIRST_ROUND;
    let sent = 0;
    for await (const oid of plan.haves) {
      round.push(pktLine(`have ${oid}\n`));
      sent += 1;
      if (round.length < roundSize) continue;
      await this.send([...round, FLUSH]);
      round = [];
      roundSize = Math.min(roundSize * 2, MAX_ROUND);
      if ((await this.readRound()) || sent >= MAX_HAVES) break;
    }
    await this.send([...round, pktLine('done\n')]);
  }

  /** Reads the answers to one round of haves. True when the peer has heard enough. */
  private async readRound(): Promise<boolean> {
    let ready = false;
    for (;;) {
      const packet = await this.reader.packet();
      if (packet === undefined || packet === 'flush') throw new PktLineError('the stream ended in the negotiation');
      const line = packet.toString('latin1').trimEnd();
      if (line === 'NAK') return ready;
      if (!line.startsWith('ACK '))
        throw new PktLineError(`unexpected answer in the negotiation: ${line.slice(0, 200)}`);
      if (line.endsWith(' ready')) ready = true;
    }
  }

  /** After `done`: any number of `ACK <oid> common`, then one final `ACK <oid>` or `NAK`. */
  private async skipAnswers(): Promise<void> {
    for (;;) {
      const packet = await this.reader.packet();
      if (packet === undefined || packet === 'flush') throw new PktLineError('the stream ended in the negotiation');
      const line = packet.toString('latin1').trimEnd();
      if (line === 'NAK' || /^ACK [0-9a-f]+$/.test(line)) return;
      if (!line.startsWith('ACK '))
        throw new PktLineError(`the peer's git refused: ${line.replace(/^ERR /, '').slice(0, 500)}`);
    }
  }

  private async send(packets: readonly string[]): Promise<void> {
    if (this.output.write(packets.join(''))) return;
    await drained(this.output);
    if (this.output.destroyed) throw new PktLineError('the stream closed in the negotiation');
  }
}
