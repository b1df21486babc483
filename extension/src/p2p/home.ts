import { randomUUID } from 'node:crypto';
import {
  chmod,
  constants,
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import { messageOf, PeerweaveError } from '../shared/errors.ts';
import { isPeerId, type PeerId } from '../shared/ids.ts';
import { createIdentity, identityFromPem, type Identity } from './link/identity.ts';

/**
 * What belongs to the person and not to a repository: the key of this installation (CLI only; the editor keeps its key in
 * SecretStorage) and the peers that were allowed *and remembered*. Lives under PEERWEAVE_HOME.
 */
export class Home {
  readonly directory: string;
  private remembering: Promise<void> = Promise.resolve();

  constructor(directory: string) {
    this.directory = directory;
  }

  /**
   * The key file's identity, made on first use with mode 0600. Throws `bad-request` when the file is damaged (it is never
   * replaced: others know this person by it) and when it cannot be written.
   */
  async identity(): Promise<Identity> {
    const file = join(this.directory, 'identity.pem');
    const pem = (await readIfThere(file)) ?? (await this.makeKey(file));
    try {
      // A key that others can read is no key; a restored backup may have widened the mode.
      await chmod(file, 0o600);
      return identityFromPem(pem);
    } catch (error) {
      throw new PeerweaveError(
        'bad-request',
        `The key in ${file} cannot be used: ${messageOf(error)} Restore it, or delete it to get a new identity.`,
        { cause: error },
      );
    }
  }

  async remembers(peer: PeerId): Promise<boolean> {
    return (await this.remembered()).has(peer);
  }

  /** One after another: each adds to what the one before has written. */
  remember(peer: PeerId): Promise<void> {
    const write = async (): Promise<void> => {
      const peers = await this.remembered();
      peers.add(peer);
      await writePrivately(this.rememberedFile, `${JSON.stringify({ v: 1, peers: [...peers] }, undefined, 2)}\n`);
    };
    this.remembering = this.remembering.then(write, write);
    return this.remembering;
  }

  /** Makes the key, unless another engine of this person is first: then that one's is the key. */
  private async makeKey(file: string): Promise<string> {
    const { pem } = createIdentity();
    try {
      const made = await writeBeside(file, pem);
      try {
        // A link appears whole or not at all, and never replaces anything.
        await link(made, file).catch((error: unknown) => {
          if (!LINKLESS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
          return copyFile(made, file, constants.COPYFILE_EXCL);
        });
        return pem;
      } finally {
        await rm(made, { force: true });
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readFile(file, 'utf8');
      throw new PeerweaveError(
        'bad-request',
        `No key can be kept in ${this.directory}: ${messageOf(error)}. Set PEERWEAVE_HOME to a folder that can be written.`,
        { cause: error },
      );
    }
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

/** What file systems without hard links answer: FAT, some network shares. */
const LINKLESS = new Set(['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP']);

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
  const written = await writeBeside(file, text);
  try {
    await rename(written, file);
  } catch (error) {
    await rm(written, { force: true });
    throw error;
  }
}

/** Milliseconds after which what a writer wrote beside is nobody's any more. */
const STALE_MS = 60_000;

/** Removes what writers left beside `file` that died before it was in its place (SY11). Never throws: it is tried again another time. */
export async function sweepBeside(file: string): Promise<void> {
  const [folder, prefix] = [dirname(file), `${basename(file)}.`];
  for (const name of await readdir(folder).catch((): string[] => [])) {
    if (!name.startsWith(prefix) || !LEFT.test(name.slice(prefix.length))) continue;
    const path = join(folder, name);
    const written = await stat(path).catch(() => undefined);
    if (written === undefined || Date.now() - written.mtimeMs < STALE_MS) continue;
    await rm(path, { force: true }).catch(() => undefined);
  }
}

const LEFT = /^[0-9a-f-]{36}\.new$/;

/** Writes a new file in the folder of `file`, under a name that no other writer has, and returns its path. */
async function writeBeside(file: string, text: string): Promise<string> {
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
  const beside = `${file}.${randomUUID()}.new`;
  try {
    await writeFile(beside, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    // A full disk leaves a part of it.
    await rm(beside, { force: true }).catch(() => undefined);
    throw error;
  }
  return beside;
}

/** Undefined when there is no such file, also because something on the way to it is a file. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
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
