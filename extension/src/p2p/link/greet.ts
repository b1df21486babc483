import { setTimeout as delay } from 'node:timers/promises';
import { SshDisconnectReason } from '@microsoft/dev-tunnels-ssh';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import type { ChannelStream } from './channel-stream.ts';
import { ControlPeer, type ControlPeerOptions } from './control-peer.ts';
import { disconnectText, parseDisconnect } from './disconnect.ts';
import { requireCompatible } from './hello.ts';
import type { LinkHello } from './link.ts';
import type { AuthenticatedSession } from './ssh-session.ts';

/** How long a dialer of another version has to hang up. */
const HANG_UP_MS = 1_000;

export interface Greeted {
  readonly control: ControlPeer;
  readonly remote: LinkHello;
}

/**
 * The last step before a session is a link: control channel and hello (LI6). Throws `protocol-incompatible` or `protocol-violation`, which
 * the other side is told too, or `link-lost` when the session ends meanwhile.
 */
export async function greet(
  { session, channels, dialer }: AuthenticatedSession,
  hello: LinkHello,
  controlOptions: (stream: ChannelStream) => ControlPeerOptions,
): Promise<Greeted> {
  const ended = new Promise<never>((_, reject) => {
    session.onClosed(({ reason, message }) => reject(parseDisconnect(reason, message)));
    if (session.isClosed) reject(new PeerweaveError('link-lost', 'The session has ended.'));
  });
  const channel = await Promise.race([channels.openControl(), ended]);
  const control = new ControlPeer(controlOptions(channel));
  try {
    const remote = await Promise.race([control.exchangeHello(hello), ended]);
    requireCompatible(hello, remote);
    return { control, remote };
  } catch (error) {
    const reason = asPeerweaveError(error);
    // A dialer of another version finds out by itself and hangs up; hanging up first could keep our hello from being read.
    if (reason.reason === 'protocol-incompatible' && !dialer)
      await Promise.race([delay(HANG_UP_MS), ended.catch(() => undefined)]);
    await session.close(SshDisconnectReason.byApplication, disconnectText(reason)).catch(() => undefined);
    control.dispose(reason);
    throw reason;
  }
}
