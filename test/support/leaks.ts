import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/** One way in which text could be written down. */
interface Encoding {
  readonly name: string;
  readonly needle: Buffer;
}

const each = (text: string, write: (byte: number) => string): Buffer =>
  Buffer.from([...Buffer.from(text)].map(write).join(''));
const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** Every way to write `text` that is looked for. It should be long enough not to come about by chance: eight bytes or more. */
export function encodingsOf(text: string): Encoding[] {
  const utf8 = Buffer.from(text);
  const utf16 = Buffer.from(text, 'utf16le');
  return [
    { name: 'utf-8', needle: utf8 },
    { name: 'utf-16 (little endian)', needle: utf16 },
    { name: 'utf-16 (big endian)', needle: Buffer.from(utf16).swap16() },
    { name: 'backwards', needle: Buffer.from(utf8).reverse() },
    { name: 'hexadecimal', needle: each(text, hex) },
    { name: 'hexadecimal in capitals', needle: each(text, (byte) => hex(byte).toUpperCase()) },
    { name: 'percent-encoded', needle: each(text, (byte) => `%${hex(byte)}`) },
    { name: 'percent-encoded in capitals', needle: each(text, (byte) => `%${hex(byte).toUpperCase()}`) },
    { name: 'escaped as in JSON', needle: each(text, (byte) => `\\u00${hex(byte)}`) },
    ...[0, 1, 2].flatMap((shift) => base64At(utf8, shift)),
  ];
}

/** Base64 of text that begins `shift` bytes into a group of three; characters at the ends depend on what is around them. */
function base64At(text: Buffer, shift: number): Encoding[] {
  const padded = Buffer.concat([Buffer.alloc(shift), text]);
  const from = Math.ceil((shift * 8) / 6);
  const to = Math.floor((padded.length * 8) / 6);
  return (['base64', 'base64url'] as const).map((alphabet) => ({
    name: `${alphabet} from byte ${shift}`,
    needle: Buffer.from(padded.toString(alphabet).slice(from, to)),
  }));
}

/**
 * How `text` can be read in any of `records`, in whatever encoding, compressed or not; nothing when it cannot. Looks into base64 and
 * hexadecimal inside a record as well, and into what is compressed in there.
 */
export function leaksOf(text: string, records: readonly Buffer[]): string[] {
  return leaksOfAll([text], records).map(({ how }) => how);
}

export function leaksOfAll(
  texts: readonly string[],
  records: readonly Buffer[],
): { readonly text: string; readonly how: string }[] {
  const wanted = texts.map((text) => ({ text, lower: asciiLower(Buffer.from(text)), encodings: encodingsOf(text) }));
  const found = new Map<string, { readonly text: string; readonly how: string }>();
  for (const record of records) {
    for (const { view, how } of viewsOf(record)) {
      const lower = asciiLower(view);
      for (const { text, lower: needle, encodings } of wanted) {
        const names = encodings.filter((encoding) => view.includes(encoding.needle)).map(({ name }) => name);
        if (names.length === 0 && lower.includes(needle)) names.push('utf-8 in other letters');
        for (const name of names) found.set(`${text} ${name}${how}`, { text, how: `${name}${how}` });
      }
    }
  }
  return [...found.values()];
}

/** Of other letters than these, the lower case is of another length in some encodings. */
const asciiLower = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.map((byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte)));

interface View {
  readonly view: Buffer;
  readonly how: string;
}

/** A record as it is, and all that can be unpacked from it, twice over. */
function viewsOf(record: Buffer): View[] {
  const views: View[] = [{ view: record, how: '' }];
  let fresh = views;
  for (let depth = 0; depth < 2; depth++) {
    fresh = fresh.flatMap(({ view, how }) =>
      unpacked(view).map((inner) => ({ view: inner.view, how: `${how} in ${inner.how}` })),
    );
    views.push(...fresh);
  }
  return views;
}

function unpacked(view: Buffer): View[] {
  const text = view.toString('latin1');
  const runs = [...text.matchAll(/[A-Za-z0-9+/_-]{16,}/g)].map(([run]) => run);
  return [
    ...runs.map((run) => ({ view: Buffer.from(run, 'base64'), how: 'base64' })),
    ...runs
      .filter((run) => /^[0-9a-f]+$/i.test(run))
      .map((run) => ({ view: Buffer.from(run, 'hex'), how: 'hexadecimal' })),
    ...decompressed(view),
  ];
}

const HEADERS: readonly [name: string, start: (bytes: Buffer) => number, unpack: (bytes: Buffer) => Buffer][] = [
  ['gzip', (bytes) => bytes.indexOf(Buffer.of(0x1f, 0x8b, 8)), (bytes) => gunzipSync(bytes, OPTIONS)],
  [
    'zlib',
    (bytes) => bytes.findIndex((byte, at) => byte === 0x78 && isZlibFlag(bytes[at + 1])),
    (bytes) => inflateSync(bytes, OPTIONS),
  ],
  ['deflate', () => 0, (bytes) => inflateRawSync(bytes, OPTIONS)],
  ['deflate after a header', (bytes) => (bytes.length > 42 ? 42 : -1), (bytes) => inflateRawSync(bytes, OPTIONS)],
  ['brotli', () => 0, (bytes) => brotliDecompressSync(bytes, { maxOutputLength: 1 << 20 })],
];
/** What was cut off is unpacked as far as it goes, and bombs are not. */
const OPTIONS = { finishFlush: 2, maxOutputLength: 1 << 20 };
const isZlibFlag = (byte: number | undefined): boolean => byte !== undefined && [0x01, 0x5e, 0x9c, 0xda].includes(byte);

function decompressed(view: Buffer): View[] {
  return HEADERS.flatMap(([how, start, unpack]) => {
    const from = start(view);
    if (from < 0) return [];
    try {
      const inner = unpack(view.subarray(from));
      return inner.length > 0 ? [{ view: inner, how }] : [];
    } catch {
      return [];
    }
  });
}
