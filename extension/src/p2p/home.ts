import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { isPeerId, type PeerId } from '../shared/ids.ts';
import { createIdentity, identityFromPem, type Identity } from './link/identity.ts';

/**
 * What belongs to the person and not to a repository: the key of this installation (CLI only; the editor keeps its key in
 * SecretStorage) and the peers that were allowed *and remembered*. Lives under PEERWEAVE_HOME.
 */
export class Home {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** The key file's identity, made on first use with mode 0600. */
  async identity(): Promise<Identity> {
    const file = join(this.directory, 'identity.pem');
    const pem = await readIfThere(file);
    if (pem !== undefined) {
      // A key that others can read is no key; a restored backup may have widened the mode.
      await chmod(file, 0o600);
      return identityFromPem(pem);
    }
    const identity = createIdentity();
    await writePrivately(file, identity.pem);
    return identity;
  }

  async remembers(peer: PeerId): Promise<boolean> {
    return (await this.remembered()).has(peer);
  }

  async remember(peer: PeerId): Promise<void> {
    const peers = await this.remembered();
    peers.add(peer);
    await writePrivately(this.rememberedFile, `${JSON.stringify({ v: 1, peers: [...peers] }, undefined, 2)}\n`);
  }

  private get rememberedFile(): string {
    return join(this.directory, 'remembered-peers.json');
  }

  private async remembered(): Promise<Set<PeerId>> {
    const text = await readIfThere(this.rememberedFile);
    const parsed = rememberedPeers.safeParse(text === undefined ? { v: 1, peers: [] } : parseOrUndefined(text));
    // A damaged list costs a question, not a session.
    return new Set(parsed.success ? (parsed.data.peers as PeerId[]) : []);
  }
}

const rememberedPeers = z.object({ v: z.literal(1), peers: z.array(z.string().refine(isPeerId)).max(10_000) });

/** PEERWEAVE_HOME, or `peerweave` in the platform's configuration folder. */
export function defaultHome(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env.PEERWEAVE_HOME !== undefined && env.PEERWEAVE_HOME !== '') return env.PEERWEAVE_HOME;
  if (platform === 'win32') return join(env.APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'peerweave');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'peerweave');
  return join(env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'peerweave');
}

/**
 * Replaces `file` whole or not at all, readable by its owner only. Safe against a crash of this process; not synced to the
 * disk, because what is kept here can be made again and a sync on every manifest would cost more than the manifest.
 */
export async function writePrivately(file: string, text: string): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.new`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, file);
}

export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    // In a linked worktree `.git` is a file, and nothing is below it.
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

export function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
