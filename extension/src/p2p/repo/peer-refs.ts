import { createHash } from 'node:crypto';
import { branchOf, type Oid, type RefName } from '../../shared/ids.ts';
import { refNameProblem } from './ref-name.ts';

/** Where a peer's branches are recorded. */
export const PEERS_PREFIX = 'refs/remotes/peers/';

export interface PeerRefs {
  /** Our ref under the peer's namespace, and the peer's ref that it mirrors. */
  readonly refs: ReadonlyMap<RefName, { readonly source: RefName; readonly oid: Oid }>;
  readonly refused: readonly { readonly ref: string; readonly why: string }[];
}

/**
 * Gives each branch of a peer a ref under `refs/remotes/peers/<namespace>/` that every file system can hold next to the others
 * (SY3). A name keeps its spelling unless it would be unsafe or collide; then the component gets a short hash of its original
 * spelling, so that the outcome does not depend on the order and survives restarts. Names that git itself would not take are
 * refused. Tags are checked by name too but not mirrored.
 */
export function peerRefs(namespace: string, refs: ReadonlyMap<RefName, Oid>): PeerRefs {
  const refused: { ref: string; why: string }[] = [];
  const branches: { source: RefName; oid: Oid; components: string[] }[] = [];
  for (const [source, oid] of refs) {
    const why = refNameProblem(source);
    const branch = branchOf(source);
    if (why !== undefined) refused.push({ ref: source, why: `The name ${why}.` });
    else if (branch !== undefined) branches.push({ source, oid, components: branch.split('/') });
  }
  const spellings = collectSpellings(branches.map(({ components }) => components));
  const mapped = new Map<RefName, { source: RefName; oid: Oid }>();
  for (const { source, oid, components } of branches) {
    const name = components.map((component, depth) => safeComponent(components, component, depth, spellings)).join('/');
    mapped.set(`${PEERS_PREFIX}${namespace}/${name}` as RefName, { source, oid });
  }
  return { refs: mapped, refused };
}

/** What different spellings share on a file system that ignores case and Unicode normalisation. */
const fold = (text: string): string => text.normalize('NFKC').toLowerCase().normalize('NFC');

/** For each folded path: the spellings of its last component, with a trailing `/` where it is a folder. */
function collectSpellings(names: readonly (readonly string[])[]): Map<string, Set<string>> {
  const spellings = new Map<string, Set<string>>();
  for (const components of names) {
    components.forEach((component, depth) => {
      const key = components
        .slice(0, depth + 1)
        .map(fold)
        .join('/');
      const spelling = depth < components.length - 1 ? `${component}/` : component;
      spellings.set(key, (spellings.get(key) ?? new Set()).add(spelling));
    });
  }
  return spellings;
}

function safeComponent(
  components: readonly string[],
  component: string,
  depth: number,
  spellings: ReadonlyMap<string, ReadonlySet<string>>,
): string {
  const key = components
    .slice(0, depth + 1)
    .map(fold)
    .join('/');
  const isFolder = depth < components.length - 1;
  const rivals = spellings.get(key)?.size ?? 1;
  // Of several, the plain spelling keeps its name; a file and a folder of one name are told apart by renaming the folder.
  const plain = component === fold(component) && !isFolder;
  const safe = withoutUnsafe(component);
  if (safe === component && (rivals === 1 || plain)) return component;
  const digest = createHash('sha256')
    .update(isFolder ? `${component}/` : component)
    .digest('hex')
    .slice(0, 8);
  return `${cut(safe, MAX_SAFE_BYTES)}-${digest}`;
}

const MAX_SAFE_BYTES = 100;

/** Device names and characters that Windows cannot store, and characters that are invisible or turn the reading direction. */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;
const UNSAFE_CHARACTERS = /["<>|]|\p{Cc}|\p{Cf}|\p{Co}|\p{Zl}|\p{Zp}|\p{Zs}/gu;

function withoutUnsafe(component: string): string {
  const visible = component.replace(UNSAFE_CHARACTERS, '_').replace(/\.+$/, '_');
  const named = WINDOWS_DEVICE.test(visible) ? `_${visible}` : visible;
  return Buffer.byteLength(named) > MAX_SAFE_BYTES ? cut(named, MAX_SAFE_BYTES) : named;
}

/** The longest prefix of whole characters within `bytes` of UTF-8. */
function cut(text: string, bytes: number): string {
  let size = 0;
  let result = '';
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes) return result;
    result += character;
  }
  return result;
}
