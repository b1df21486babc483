import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';

/** Magic number and version. */
const MAGIC = 'ff744f6300000002';
/** After it, for each value of the first byte of an id, how many objects have that or a lower one: the last says how many there are. */
const FANOUT_BYTES = 256 * 4;
const HEADER_BYTES = MAGIC.length / 2 + FANOUT_BYTES;
/** Ids that are read at a time: 64 KiB of sha1 ids. */
const PIECE = 3_276;

/**
 * The ids of a pack's objects, from the `.idx` beside it (gitformat-pack(5), version 2, which is what git has written since 2008). Git itself
 * lists them with `show-index`, in more time than it then needs to look them up.
 */
export class PackIndex {
  /** How many there are. */
  readonly count: number;
  private readonly file: FileHandle;
  private readonly idBytes: number;

  private constructor(file: FileHandle, count: number, idBytes: number) {
    this.file = file;
    this.count = count;
    this.idBytes = idBytes;
  }

  /** Throws when the file is not there or is something else. To be closed. */
  static async open(path: string): Promise<PackIndex> {
    const name = basename(path, '.idx');
    const file = await open(path, 'r');
    try {
      const header = Buffer.alloc(HEADER_BYTES);
      const { bytesRead } = await file.read(header, 0, HEADER_BYTES, 0);
      if (bytesRead < HEADER_BYTES || header.toString('hex', 0, MAGIC.length / 2) !== MAGIC)
        throw new Error(`${name} has no index of version 2`);
      // `pack-<hash>`: the same hash that the ids are of.
      return new PackIndex(file, header.readUInt32BE(HEADER_BYTES - 4), (name.length - 'pack-'.length) / 2);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Those at the positions from `from` up to `to`, a line each, many at a time. Throws when the file is cut off. */
  async *lines(from = 0, to = this.count): AsyncGenerator<Buffer> {
    const piece = Buffer.alloc(PIECE * this.idBytes);
    for (let next = from; next < to; next += PIECE) {
      const length = Math.min(PIECE, to - next) * this.idBytes;
      const { bytesRead } = await this.file.read(piece, 0, length, HEADER_BYTES + next * this.idBytes);
      if (bytesRead < length) throw new Error('the index of a pack is cut off');
      yield asLines(piece.subarray(0, length), this.idBytes);
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

const NEWLINE = 0x0a;
/** The two hexadecimal digits of each byte, as a number of 16 bits, the first digit in the lower ones. */
const DIGITS = Uint16Array.from({ length: 256 }, (_, byte) =>
  Buffer.from(byte.toString(16).padStart(2, '0')).readUInt16LE(),
);

/** By hand: a string for each id would take several times as long. */
function asLines(ids: Uint8Array, idBytes: number): Buffer {
  const lines = Buffer.alloc((ids.length / idBytes) * (idBytes * 2 + 1));
  let to = 0;
  for (let from = 0; from < ids.length; from += idBytes) {
    for (let at = from; at < from + idBytes; at++) {
      const digits = DIGITS[ids[at] ?? 0] ?? 0;
      lines[to++] = digits & 0xff;
      lines[to++] = digits >> 8;
    }
    lines[to++] = NEWLINE;
  }
  return lines;
}
