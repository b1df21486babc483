const MAX_LENGTH = 300;

/** Text that a peer chose, fit for a message or a log: one line, no control or direction characters, not too long. */
export function peerText(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
}
