import { SshDisconnectReason } from '@microsoft/dev-tunnels-ssh';
import { PeerweaveError, type Reason } from '../../shared/errors.ts';
import { reasonOf } from './json-rpc.ts';
import { peerText } from '../../shared/peer-text.ts';

/** The description of the SSH disconnect message (RFC 4253 §11.1) with which a link ends: `<reason>: <text>`. */
export const disconnectText = ({ reason, message }: PeerweaveError): string => `${reason}: ${peerText(message)}`;

/** Why a session ended, from what the library reports: its own findings, or the peer's disconnect message. */
export function parseDisconnect(code: SshDisconnectReason, text: string): PeerweaveError {
  if (code !== SshDisconnectReason.byApplication)
    return new PeerweaveError(REASON_OF[code] ?? 'link-lost', peerText(text));
  const [, reason, message = ''] = /^([a-z-]+): (.*)$/s.exec(text) ?? [];
  return new PeerweaveError(reasonOf(reason), peerText(message) || 'The peer closed the link.');
}

/** Codes that say something about the peer; all others mean that the link is gone. */
const REASON_OF: Partial<Record<SshDisconnectReason, Reason>> = {
  [SshDisconnectReason.protocolError]: 'protocol-violation',
  [SshDisconnectReason.macError]: 'protocol-violation',
  [SshDisconnectReason.keyExchangeFailed]: 'protocol-violation',
  [SshDisconnectReason.protocolVersionNotSupported]: 'protocol-incompatible',
  [SshDisconnectReason.hostKeyNotVerifiable]: 'host-key-mismatch',
  [SshDisconnectReason.noMoreAuthMethodsAvailable]: 'authentication-failed',
};
