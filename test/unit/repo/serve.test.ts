import { once } from 'node:events';
import { duplexPair, PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import type { GitProcess } from '../../../extension/src/p2p/repo/git/git.ts';
import { serveUploadPack } from '../../../extension/src/p2p/repo/git/serve.ts';

it('hears a peer out when the end of git is known before its input is closed', async () => {
  const [ours, theirs] = duplexPair();
  const stdin = new PassThrough();
  const upload = { stdin, stdout: Readable.from(['PACK']), exit: Promise.resolve(0), kill: () => undefined };
  const serving = serveUploadPack(upload as unknown as GitProcess, theirs, new AbortController().signal);
  ours.resume();
  await serving;
  stdin.destroy();
  await once(stdin, 'close');
  const closed = once(theirs, 'close');
  ours.end();
  await closed;
  expect(theirs.readableEnded).toBe(true);
});
