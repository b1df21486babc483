import { PeerweaveError } from '../../shared/errors.ts';

/** The command's own bundle, beside this one: whoever shares a repository need not load a server, and no layer imports another. */
const BUNDLE = new URL('./server.mjs', import.meta.url);

/** Runs the signaling server with these arguments until a signal; resolves to its exit status. See `server/cli.ts`. */
export async function serve(args: readonly string[]): Promise<number> {
  const bundle = (await import(BUNDLE.href).catch((cause: unknown) => {
    throw new PeerweaveError('internal', 'The server is not in this build. Build it with npm run build.', { cause });
  })) as { main(args: readonly string[], name: string): Promise<number> };
  return bundle.main(args, 'peerweave serve');
}
