import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { isOid, isPeerId, isSessionId, type Oid, type PeerId, type SessionId } from '../../shared/ids.ts';
import { strategy } from '../../rpc/conflicts.ts';
import { parseOrUndefined, readIfThere, sweepBeside, writePrivately } from '../home.ts';
import { MAX_ADDRESSES, MAX_ROSTER_ENTRIES, manifest, rosterEntry } from '../link/control-protocol.ts';

/**
 * A session as `.git/peerweave/session.json` keeps it (mode 0600), so that a reload or a restart resumes it (SE9). Written
 * whole, by rename. An explicit leave removes it.
 */
const tip = z.object({ seq: z.int(), hash: z.string() });
const address = z.object({ tier: z.enum(['tcp', 'webrtc', 'relay', 'json', 'memory']), value: z.string() });
const peerId = z.custom<PeerId>((v) => typeof v === 'string' && isPeerId(v));

const sessionRecord = z.object({
  v: z.literal(1),
  session: z.custom<SessionId>((v) => typeof v === 'string' && isSessionId(v)),
  founder: peerId,
  /** The key this session was joined with; another identity cannot resume it. */
  self: peerId,
  name: z.string(),
  repoName: z.string(),
  roots: z.array(z.custom<Oid>((v) => typeof v === 'string' && isOid(v))),
  objectFormat: z.enum(['sha1', 'sha256']),
  /** Owners only: what proves an invite, base64, and until when. */
  invite: z.object({ secret: z.string(), expiresAt: z.int() }).optional(),
  /** What the meeting place derives from, base64, and where it is; no URL means direct connections only. */
  meeting: z.object({ secret: z.string(), urls: z.array(z.string()) }).optional(),
  roster: z.array(rosterEntry).max(MAX_ROSTER_ENTRIES),
  /** Where members were last reached. */
  addresses: z.record(z.string(), z.array(address).max(MAX_ADDRESSES)),
  /** The port that members know; taken again when it is free. */
  port: z.int().min(0).max(65535),
  /** Own chain of manifests, and the last verified one of each author. */
  tip: tip.optional(),
  manifests: z.record(z.string(), manifest),
  /** Folder of each peer under refs/remotes/peers/. */
  namespaces: z.record(z.string(), z.string()),
  /** The core's own state, decoded by the core. */
  sync: z.unknown().optional(),
  /** What was chosen for this session, and for branches of it (D2); absent follows the setting, and the session. */
  strategy: strategy.optional(),
  branchStrategies: z.record(z.string(), strategy).optional(),
  /** False while older commits of a fresh clone are still to come (C4). */
  historyComplete: z.boolean(),
});
export type SessionRecord = z.infer<typeof sessionRecord>;

export class SessionStore {
  private readonly file: string;
  private writing: Promise<void> = Promise.resolve();
  private next: (() => SessionRecord) | undefined;
  private removed = false;
  private swept = false;

  /** `gitDir` is the repository's common git directory. */
  constructor(gitDir: string) {
    this.file = join(gitDir, 'peerweave', 'session.json');
  }

  /** The stored session; undefined when there is none or it cannot be read (a session can be joined anew, a lost file cannot lose work). */
  async load(): Promise<SessionRecord | undefined> {
    const text = await readIfThere(this.file);
    const parsed = text === undefined ? undefined : sessionRecord.safeParse(parseOrUndefined(text));
    return parsed?.success === true ? parsed.data : undefined;
  }

  /**
   * Saves what `record` gives when it is written; saves that are asked for while one is being written are folded into one. Resolves
   * when it is on the disk, and at once when the session was left: nothing brings it back.
   */
  save(record: () => SessionRecord): Promise<void> {
    if (this.removed) return Promise.resolve();
    const idle = this.next === undefined;
    this.next = record;
    if (idle) {
      this.writing = this.writing.catch(() => undefined).then(() => this.write());
    }
    return this.writing;
  }

  async remove(): Promise<void> {
    this.removed = true;
    await this.writing.catch(() => undefined);
    await rm(this.file, { force: true });
  }

  private async write(): Promise<void> {
    const newest = this.next;
    this.next = undefined;
    if (newest === undefined || this.removed) return;
    if (!this.swept) await sweepBeside(this.file);
    this.swept = true;
    await writePrivately(this.file, JSON.stringify(newest()));
  }
}
