import type { ConflictView } from '../../rpc/model.ts';
import type { Oid } from '../../shared/ids.ts';
import type { LineOrigin, PeerChange } from '../repo/peer-changes.ts';
import { linesOf, peerRegions, type PeerRegion, type Span } from './line-diff.ts';
import { MAX_CHARS, type PeerVersions } from './peer-versions.ts';
import type { DivergencePrompt, PeerDeed } from './prompt.ts';
import type { Place } from './surroundings.ts';

/** Sides of a conflict that are shown in one file. */
const MAX_SIDES = 4;
/** Stretches of a side that are shown in one file. */
const MAX_REGIONS = 200;

export interface Divergences {
  readonly prompts: readonly DivergencePrompt[];
  readonly more: boolean;
}

type Candidate = ConflictView['candidates'][number];

/** What those whose branch diverged changed of a file, and where that is in its buffer. */
export async function divergencePrompts(
  versions: PeerVersions,
  { place, path }: { readonly place: Place; readonly path: string },
  text: string,
): Promise<Divergences> {
  const { conflict } = place;
  const mine = conflict?.candidates.find((candidate) => candidate.mine);
  if (conflict === undefined || mine === undefined || text.length > MAX_CHARS) return { prompts: [], more: false };
  const others = conflict.candidates.filter((candidate) => candidate !== mine);
  const lines = linesOf(text);
  const found = await Promise.all(
    others.slice(0, MAX_SIDES).map((theirs) => ofSide(versions, { place, path, conflict, mine, theirs }, lines)),
  );
  return {
    prompts: found.flatMap((prompts) => prompts.slice(0, MAX_REGIONS)),
    more: others.length > MAX_SIDES || found.some((prompts) => prompts.length > MAX_REGIONS),
  };
}

interface Side {
  readonly place: Place;
  readonly path: string;
  readonly conflict: ConflictView;
  readonly mine: Candidate;
  readonly theirs: Candidate;
}

/** A side, and what it did to the file. */
interface ChangedSide extends Side {
  readonly change: PeerChange;
}

async function ofSide(versions: PeerVersions, side: Side, lines: readonly string[]): Promise<DivergencePrompt[]> {
  const { repository } = side.place.session;
  const tip = side.theirs.oid as Oid;
  const changes = await versions.changes(repository, side.mine.oid as Oid, tip);
  const change = changes?.files.get(side.path);
  if (changes?.base === undefined || change === undefined) return [];
  const { base } = changes;
  const { basePath, theirPath } = change;
  const changed = { ...side, change };
  if (change.sameContent) return basePath === theirPath ? [] : [ofFile(changed, 'renamed-file')];
  const [before, after] = await Promise.all([
    basePath === null ? null : versions.text(repository, base, basePath),
    theirPath === null ? null : versions.text(repository, tip, theirPath),
  ]);
  if (theirPath === null) return [ofFile(changed, 'deleted-file', before !== null && !same(linesOf(before), lines))];
  if (after === null || (before === null && basePath !== null)) return [ofFile(changed, 'file')];
  const theirs = linesOf(after);
  if (before === null) return same(lines, theirs) ? [] : [ofFile(changed, 'added-file', true)];
  const regions = peerRegions(linesOf(before), lines, theirs);
  if (regions.length === 0) return [];
  const origins = await versions.origins(repository, { base, tip, path: theirPath });
  return regions.map((region) => ofLines(changed, region, theirs, origins));
}

function ofLines(
  side: ChangedSide,
  { mine, theirs, contested }: PeerRegion,
  lines: readonly string[],
  origins: readonly LineOrigin[],
): DivergencePrompt {
  return {
    ...common(side),
    deed: 'lines',
    span: mine,
    contested,
    commit: originOf(theirs, origins) ?? side.theirs.oid,
    theirs: lines.slice(theirs.start, theirs.end),
  };
}

/** The commit that the first of their changed lines is from. Lines that are gone are from none. */
function originOf({ start, end }: Span, origins: readonly LineOrigin[]): Oid | undefined {
  return origins.find(({ line, count }) => line < end && line + count > start)?.commit;
}

function ofFile(side: ChangedSide, deed: PeerDeed, contested = false): DivergencePrompt {
  return { ...common(side), deed, span: { start: 0, end: 1 }, contested, commit: side.theirs.oid, theirs: [] };
}

function common({ place, path, conflict, theirs, change }: ChangedSide): Pick<DivergencePrompt, 'names' | 'target'> {
  const { theirPath } = change;
  const other = theirPath === null || theirPath === path ? {} : { theirPath };
  return {
    names: theirs.owners,
    target: { repo: place.repo, branch: conflict.branch, tip: theirs.oid, path, ...other },
  };
}

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((line, i) => line === b[i]);
