import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pipe, Transport } from '../../../extension/src/p2p/transport/transport.ts';
import { webrtcTransport, type WebRtcOptions } from '../../../extension/src/p2p/transport/webrtc.ts';
import { DEFAULT_ANSWERING_LIMITS } from '../../../extension/src/p2p/transport/webrtc-answering.ts';
import { Emitter } from '../../../extension/src/shared/events.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { next } from '../../support/link-lab.ts';
import { deadDescription } from '../../support/dead-description.ts';
import { attemptId, heard, rawDial } from '../../support/raw-webrtc.ts';
import { SignalingLab, type RoomMember } from '../../support/signaling-lab.ts';

/** For a dial that is to fail late: the process that WebRTC runs in has started by then, on a busy machine too. */
const PATIENT_MS = 5_000;

describe('somebody in the room who keeps to no rules', () => {
  let lab: SignalingLab;
  let victim: RoomMember;
  let honest: RoomMember;
  let hostile: RoomMember;
  let accepted: Emitter<Pipe>;

  beforeEach(async () => {
    lab = await SignalingLab.start();
    [victim, honest, hostile] = (await lab.joined(3)) as [RoomMember, RoomMember, RoomMember];
    accepted = new Emitter();
  });
  afterEach(() => lab.dispose());

  const tier = ({ signaling }: RoomMember, options: Partial<WebRtcOptions> = {}): Transport =>
    webrtcTransport(signaling, { log: silentLogger, ...options });

  async function listen(options: Partial<WebRtcOptions> = {}): Promise<void> {
    await tier(victim, options).listen({ onPipe: (pipe) => accepted.fire(pipe) });
  }

  /** An honest peer reaches the victim as if nothing had happened. */
  async function honestDialWorks(): Promise<void> {
    const arriving = next(accepted.event);
    const { stream } = await tier(honest).dial({ tier: 'webrtc', value: victim.signaling.self.tag });
    stream.end('honest');
    const far = await arriving;
    const [said] = (await once(far.stream, 'data')) as [Buffer];
    expect(said.toString()).toBe('honest');
    far.stream.end();
    await once(stream.resume(), 'close');
  }

  const offer = (sdp: string, attempt = attemptId()): string => {
    hostile.signaling.send(victim.signaling.self, { kind: 'offer', attempt, sdp });
    return attempt;
  };

  describe('who dials', () => {
    it.each([
      ['no SDP', 'hello'],
      ['half an SDP', deadDescription('actpass').slice(0, 200)],
      [
        'an SDP with media',
        deadDescription('actpass').replace('m=application', 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nm=application'),
      ],
      ['an answer in place of an offer', deadDescription('active').replace('setup:active', 'setup:both')],
      ['bytes', '\0\u00ff'.repeat(4_000)],
    ])('is refused when it offers %s, and nobody else notices [LI8]', async (_, sdp) => {
      await listen();
      const attempt = offer(sdp);
      expect((await heard(hostile.signaling, 'refuse', attempt)).message).toMatch(/malformed/);
      await honestDialWorks();
    });

    it('has so many attempts under way and no more, until it gives one up [LI8]', async () => {
      await listen();
      const attempts: string[] = [];
      for (let i = 0; i < DEFAULT_ANSWERING_LIMITS.perPeer; i++) {
        attempts.push(offer(deadDescription('actpass')));
        await heard(hostile.signaling, 'answer', attempts.at(-1));
      }
      const oneMore = offer(deadDescription('actpass'));
      expect((await heard(hostile.signaling, 'refuse', oneMore)).message).toMatch(/Too many/);
      await honestDialWorks();
      const message = 'Given up.';
      hostile.signaling.send(victim.signaling.self, { kind: 'refuse', attempt: attempts[0]!, message });
      const later = offer(deadDescription('actpass'));
      await heard(hostile.signaling, 'answer', later);
    });

    it('is given up when nothing comes of its offer [LI8]', async () => {
      await listen({ limits: { unfinishedMs: 100, perPeer: 1 } });
      const attempt = offer(deadDescription('actpass'));
      expect((await heard(hostile.signaling, 'refuse', attempt)).message).not.toBe('');
      const later = offer(deadDescription('actpass'));
      await heard(hostile.signaling, 'answer', later);
    });

    it('is not listened to when it floods, and is not answered with a flood [LI8]', async () => {
      await listen({ now: () => 0 });
      let refusals = 0;
      hostile.signaling.onMessage(({ message }) => (refusals += message.kind === 'refuse' ? 1 : 0));
      for (let i = 0; i < 400; i++) offer('hello');
      // The last of all that it sends, so that what came before has been heard.
      const here = heard(victim.signaling, 'here');
      hostile.signaling.send(victim.signaling.self, { kind: 'here', peer: hostile.peer, addresses: [] });
      await here;
      await honestDialWorks();
      expect(refusals).toBe(DEFAULT_ANSWERING_LIMITS.offersAtOnce);
    });

    it('gains nothing by candidates in masses and without sense [LI8]', async () => {
      await listen();
      const attempt = offer(deadDescription('actpass'));
      await heard(hostile.signaling, 'answer', attempt);
      for (let i = 0; i < 700; i++) {
        const candidate = i % 2 === 0 ? 'x'.repeat(900) : `candidate:1 1 UDP ${i} 192.0.2.${i % 256} ${i + 1} typ host`;
        hostile.signaling.send(victim.signaling.self, { kind: 'candidate', attempt, candidate, mid: '0' });
      }
      await honestDialWorks();
    });

    it('cannot begin an attempt again, nor speak of attempts that there are not', async () => {
      await listen();
      const attempt = offer(deadDescription('actpass'));
      await heard(hostile.signaling, 'answer', attempt);
      const kinds: string[] = [];
      hostile.signaling.onMessage(({ message }) => {
        // Those of the attempt that there is may follow its answer. Had it begun again, there would be another answer.
        if (message.kind !== 'candidate' || message.attempt !== attempt) kinds.push(message.kind);
      });
      offer(deadDescription('actpass'), attempt);
      for (const unknown of [attemptId(), attemptId()]) {
        const to = victim.signaling.self;
        hostile.signaling.send(to, { kind: 'answer', attempt: unknown, sdp: deadDescription('active') });
        hostile.signaling.send(to, { kind: 'candidate', attempt: unknown, candidate: 'x', mid: '0' });
        hostile.signaling.send(to, { kind: 'refuse', attempt: unknown, message: 'No.' });
      }
      await honestDialWorks();
      expect(kinds).toEqual([]);
    });
  });

  describe('who is dialed', () => {
    const dial = (options = {}): Promise<Pipe> =>
      tier(victim).dial({ tier: 'webrtc', value: hostile.signaling.self.tag }, options);

    it('ends the attempt by an answer that is none', async () => {
      const offered = heard(hostile.signaling, 'offer');
      const dialing = dial();
      const { attempt } = await offered;
      hostile.signaling.send(victim.signaling.self, { kind: 'answer', attempt, sdp: 'no' });
      await expect(dialing).rejects.toMatchObject({ reason: 'unreachable' });
      await expect(dialing).rejects.toThrow(/malformed/);
    });

    it('cannot put more than a line into what a person reads [ED5]', async () => {
      const offered = heard(hostile.signaling, 'offer');
      const dialing = dial();
      const { attempt } = await offered;
      const message = `No.\n\u202Eevil\u0007${'!'.repeat(150)}`;
      hostile.signaling.send(victim.signaling.self, { kind: 'refuse', attempt, message });
      await expect(dialing).rejects.toMatchObject({ reason: 'unreachable' });
      await expect(dialing).rejects.not.toThrow(/[\n\u202E\u0007]/);
    });

    it('is given up when it answers and is nowhere, with what was tried', async () => {
      const offered = heard(hostile.signaling, 'offer');
      const dialing = dial({ timeoutMs: PATIENT_MS });
      const { attempt } = await offered;
      const refused = heard(hostile.signaling, 'refuse', attempt);
      const to = victim.signaling.self;
      hostile.signaling.send(to, { kind: 'answer', attempt, sdp: deadDescription('active') });
      const candidate = 'candidate:1 1 UDP 1 192.0.2.254 9 typ host';
      hostile.signaling.send(to, { kind: 'candidate', attempt, candidate, mid: '0' });
      await expect(dialing).rejects.toMatchObject({ reason: 'unreachable' });
      await expect(dialing).rejects.toThrow(/No packet came through between .* and 1 local address there/);
      await refused;
    });

    it('is given up when it never answers', async () => {
      const dialing = dial({ timeoutMs: PATIENT_MS });
      await expect(dialing).rejects.toMatchObject({ reason: 'unreachable' });
      await expect(dialing).rejects.toThrow('The other side did not answer.');
    });

    it('is given up at once when it leaves without a word', async () => {
      const offered = heard(hostile.signaling, 'offer');
      const dialing = dial();
      await offered;
      hostile.signaling.dispose();
      await expect(dialing).rejects.toThrow('This peer has left the room.');
    });

    it('is the only one who may speak of the attempt', async () => {
      const offered = heard(hostile.signaling, 'offer');
      const dialing = dial();
      const { attempt } = await offered;
      honest.signaling.send(victim.signaling.self, { kind: 'refuse', attempt, message: 'said by a stranger' });
      honest.signaling.send(victim.signaling.self, { kind: 'answer', attempt, sdp: 'no' });
      const here = heard(victim.signaling, 'here');
      honest.signaling.send(victim.signaling.self, { kind: 'here', peer: honest.peer, addresses: [] });
      await here;
      hostile.signaling.send(victim.signaling.self, { kind: 'refuse', attempt, message: 'said by itself' });
      await expect(dialing).rejects.toThrow(/said by itself/);
    });
  });

  describe('who is connected', () => {
    async function connected(): Promise<{ raw: Awaited<ReturnType<typeof rawDial>>; ended: Promise<unknown> }> {
      await listen();
      const arriving = next(accepted.event);
      const raw = await rawDial(hostile.signaling, victim.signaling.self);
      const { stream } = await arriving;
      stream.resume();
      return { raw, ended: new Promise((resolve) => stream.once('error', resolve)) };
    }

    it.each([
      ['sends text', 'protocol-violation', ({ channel }) => channel.sendMessage('hello')],
      [
        'sends more than a message may have',
        'message-too-large',
        ({ channel }) => channel.sendMessageBinary(Buffer.alloc(70_000, 1)),
      ],
      ['sends what is no message', 'protocol-violation', ({ channel }) => channel.sendMessageBinary(Buffer.from([99]))],
      ['opens another channel', 'protocol-violation', ({ peer }) => peer.createDataChannel('more')],
      ['hangs up', 'link-lost', ({ peer }) => peer.close()],
    ] satisfies [string, string, (raw: Awaited<ReturnType<typeof rawDial>>) => unknown][])(
      'loses its pipe when it %s, with a reason [LI8]',
      async (_, reason, misbehave) => {
        const { raw, ended } = await connected();
        misbehave(raw);
        expect(await ended).toMatchObject({ reason });
        raw.peer.close();
        await honestDialWorks();
      },
    );
  });
});
