import type {
  ConflictDetail,
  ConflictFileDetail,
  ConflictFileView,
  FileVersion,
} from '../../extension/src/rpc/conflicts.ts';
import { linesFor, resultText, type FileDraft } from './draft.ts';
import { regionsOf, type Region } from './regions.ts';

/** One file that has to be decided; among three or more candidates it may conflict with several of them. */
export interface ConflictPath {
  readonly path: string;
  readonly kinds: ConflictFileView['kinds'];
  readonly related: readonly string[];
  /** Tips of the sides that it conflicts with, in the order in which they are taken in. */
  readonly against: readonly string[];
}

/** The files that do not merge by themselves, each once. */
export function conflictPaths(detail: ConflictDetail): ConflictPath[] {
  const byPath = new Map<string, ConflictFileView[]>();
  for (const file of detail.files) {
    if (file.kinds.length > 0) byPath.set(file.path, [...(byPath.get(file.path) ?? []), file]);
  }
  return [...byPath].map(([path, files]) => ({
    path,
    kinds: unique(files.flatMap(({ kinds }) => kinds)),
    related: unique(files.flatMap(({ related }) => related)),
    against: unique(files.flatMap(({ theirs, sides }) => sides ?? [theirs])),
  }));
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** A file's versions against one side. */
export interface FilePart {
  readonly theirs: string;
  readonly file: ConflictFileDetail;
}

export interface LoadedFile {
  readonly parts: readonly FilePart[];
}

/** What is decided against one side: their version against ours, or against what it came to with the sides before. */
export interface Stage extends FilePart {
  readonly regions: readonly Region[];
}

export interface Stages {
  /** Those that can be shown: each but the first begins with the result of the one before. */
  readonly stages: readonly Stage[];
  /** The file as decided; undefined while a conflict is open. */
  readonly text: string | undefined;
  /** Sides that come when the last stage is decided. */
  readonly later: readonly string[];
}

/** Whether the file is decided region by region: its versions are texts, and everybody has one. */
export const isCut = ({ parts }: LoadedFile): boolean =>
  parts.every(({ file: { base, mine, theirs } }) => isText(mine) && isText(theirs) && (base === null || isText(base)));

const isText = (version: FileVersion): boolean => version?.kind === 'text';

/** Everything on the page asks for it at each key: the last answer of each file is kept. */
const answers = new WeakMap<LoadedFile, { readonly drafted: FileDraft; readonly stages: Stages }>();

/** The stages of a file that is cut. */
export function stagesOf(loaded: LoadedFile, drafted: FileDraft): Stages {
  const known = answers.get(loaded);
  if (known?.drafted === drafted) return known.stages;
  const stages = staged(loaded, drafted);
  answers.set(loaded, { drafted, stages });
  return stages;
}

function staged({ parts }: LoadedFile, drafted: FileDraft): Stages {
  const stages: Stage[] = [];
  let text: string | undefined;
  for (const [index, part] of parts.entries()) {
    const regions = cut(part.file, text ?? part.file.mine?.text ?? '', index);
    stages.push({ ...part, regions });
    text = resultText(regions, drafted);
    if (text === undefined) break;
  }
  return { stages, text, later: parts.slice(stages.length).map(({ theirs }) => theirs) };
}

/** Cutting 20,000 lines takes a while, and every key asks for it: the last cut of each file is kept. */
const cuts = new WeakMap<ConflictFileDetail, { readonly mine: string; readonly regions: readonly Region[] }>();

function cut(file: ConflictFileDetail, mine: string, stage: number): readonly Region[] {
  const known = cuts.get(file);
  if (known?.mine === mine) return known.regions;
  const found = regionsOf(file.base?.text ?? '', mine, file.theirs?.text ?? '');
  const regions = stage === 0 ? found : found.map((region) => ({ ...region, key: `${stage}/${region.key}` }));
  cuts.set(file, { mine, regions });
  return regions;
}

/** Regions that somebody changed, of all stages: what next and previous go through. */
export const stopsOf = ({ stages }: Stages): Region[] =>
  stages.flatMap(({ regions }) => regions.filter(({ kind }) => kind !== 'same'));

export const isOpen = (region: Region, { choices }: FileDraft): boolean =>
  linesFor(region, choices[region.key]) === undefined;
