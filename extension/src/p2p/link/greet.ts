import { SshDisconnectReason } from '@microsoft/dev-tunnels-ssh';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import type { ChannelStream } from './channel-stream.ts';
import { ControlPeer, type ControlPeerOptions } from './control-peer.ts';
import { disconnectText } from './disconnect.ts';
import { requireCompatible } from './hello.ts';
import type { LinkHello } from './link.ts';
import type { AuthenticatedSession } from './ssh-session.ts';

export interface Greeted {
  readonly control: ControlPeer;
  readonly remote: LinkHello;
}

/**
 * The last step before a session is a link: control channel and hello (LI6). Throws `protocol-incompatible` or `protocol-violation`, which
 * the other side is told too, or `link-lost` when the session ends meanwhile.
 */
export async function greet(
  { session, channels }: AuthenticatedSession,
  hello: LinkHello,
  controlOptions: (stream: ChannelStream) => ControlPeerOptions,
): Promise<Greeted> {
  const ended = new Promise<never>((_, reject) => {
    session.onClosed(({ message }) => reject(new PeerweaveError('link-lost', message)));
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
    await session.close(SshDisconnectReason.byApplication, disconnectText(reason)).catch(() => undefined);
    control.dispose(reason);
    throw reason;
  }
}
