import { addAbortSignal } from 'node:stream';
import { PeerweaveError } from '../../shared/errors.ts';

/** Far more than any invite; a larger input is a mistake. */
const MAX_INPUT = 64 * 1024;

/** The invite from PEERWEAVE_INVITE or standard input, never from the arguments, which other users of the machine can read (SE8). */
export async function readInvite(
  env: NodeJS.ProcessEnv,
  input: NodeJS.ReadStream,
  signal: AbortSignal,
): Promise<string> {
  const fromEnvironment = env.PEERWEAVE_INVITE;
  // Not for the processes that we start.
  delete env.PEERWEAVE_INVITE;
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  addAbortSignal(signal, input);
  if (input.isTTY) process.stderr.write('Paste the invite and press Enter: ');
  let text = '';
  input.setEncoding('utf8');
  for await (const chunk of input) {
    text += chunk as string;
    if (text.length > MAX_INPUT) break;
    if (/\S[^\n]*\n/.test(text)) break;
  }
  input.destroy();
  if (text.trim() === '') {
    throw new PeerweaveError('bad-request', 'No invite. Pipe it in, type it, or set PEERWEAVE_INVITE.');
  }
  return text;
}
