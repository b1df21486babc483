import type { PeerId } from '../../shared/ids.ts';

/** Longest folder name made from a display name, in characters. */
const MAX_LENGTH = 32;
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])$/;
const PREFIX = 'SHA256:';

/**
 * The folder of a peer under `refs/remotes/peers/`: `Bob Müller` → `bob-muller`. Only `a-z 0-9 -`, so that it is one ref
 * component on every file system. When another peer has the name, the peer's fingerprint is added; the same inputs always give
 * the same name. `taken` holds the namespaces of *other* peers; whoever remembers peers keeps a name once given.
 */
export function peerNamespace(displayName: string, peer: PeerId, taken: ReadonlySet<string>): string {
  const name = slug(displayName);
  if (name !== '' && !taken.has(name) && !WINDOWS_DEVICE.test(name)) return name;
  const fingerprint = peer
    .slice(PREFIX.length)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
  for (let length = 6; length < fingerprint.length; length += 4) {
    const candidate = `${name === '' ? 'peer' : name}-${fingerprint.slice(0, length)}`;
    if (!taken.has(candidate)) return candidate;
  }
  return `${name}-${fingerprint}`;
}

function slug(displayName: string): string {
  return displayName
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/ß/g, 'ss')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_LENGTH)
    .replace(/^-+|-+$/g, '');
}
