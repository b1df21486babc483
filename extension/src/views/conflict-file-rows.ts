import type { ConflictDetail, ConflictFileView, ConflictSide } from '../rpc/conflicts.ts';
import { conflictingFiles, FILE_KINDS } from './conflict-words.ts';
import { plain } from './plain-text.ts';
import type { Row } from './row.ts';
import { count } from './units.ts';

/** Rows drawn of one list of files; beyond, the tree is no place to read them. */
const MAX_FILES = 500;

/** The files of a conflict: those that people have to settle, and, folded, those that merge by themselves. */
export function fileRows(repo: string, detail: ConflictDetail): readonly Row[] {
  const conflicting = conflictingFiles(detail);
  const clean = detail.files.filter(({ kinds }) => kinds.length === 0);
  const more = detail.moreFiles ? ' or more' : '';
  return [
    ...group(repo, detail.branch, 'To settle', conflicting, more, true),
    ...group(repo, detail.branch, 'Merge by themselves', clean, more, false),
  ];
}

function group(
  repo: string,
  branch: string,
  label: string,
  files: readonly ConflictFileView[],
  more: string,
  toSettle: boolean,
): readonly Row[] {
  if (files.length === 0) return [];
  const id = `${repo}#diverged:${branch}#files:${String(toSettle)}`;
  const hidden = files.length - MAX_FILES;
  const rest = hidden > 0 ? [moreRow(id, hidden)] : [];
  const number = `${count(files.length, 'file')}${more}`;
  return [
    {
      id,
      label,
      description: number,
      icon: toSettle ? 'warning' : 'pass',
      ...(toSettle ? { color: 'list.warningForeground' } : {}),
      context: 'files',
      accessible: `${label}: ${number}`,
      children: [...files.slice(0, MAX_FILES).map((file) => fileRow(id, repo, branch, file)), ...rest],
      expanded: toSettle,
    },
  ];
}

function fileRow(id: string, repo: string, branch: string, { path, kinds, theirs, related }: ConflictFileView): Row {
  const { name, folder } = split(path);
  const why = kinds.map((kind) => FILE_KINDS[kind]).join(', ') || 'merges by itself';
  return {
    id: `${id}:${path}`,
    label: name,
    description: [folder, ...(kinds.length > 0 ? [why] : [])].filter(Boolean).join(' · '),
    tooltip: [
      plain(path, 500),
      why,
      ...(related.length > 0 ? [`With ${related.map((other) => plain(other, 200)).join(', ')}`] : []),
    ].join('\n'),
    icon: iconOf(kinds),
    ...(kinds.length > 0 ? { color: 'list.warningForeground' } : {}),
    context: kinds.length > 0 ? 'file.conflicting' : 'file.clean',
    accessible: `${plain(path, 200)}, ${why}`,
    command: 'peerweave.compare',
    target: { repo, branch, tip: theirs, path },
  };
}

const KIND_ICONS: Partial<Record<ConflictFileView['kinds'][number], string>> = {
  'add/add': 'diff-added',
  'modify/delete': 'diff-removed',
  'rename/rename': 'diff-renamed',
  'rename/delete': 'diff-renamed',
  'directory-rename': 'diff-renamed',
  'directory/file': 'file-directory',
  binary: 'file-binary',
  submodule: 'file-submodule',
};

const iconOf = ([kind]: ConflictFileView['kinds']): string =>
  kind === undefined ? 'file' : (KIND_ICONS[kind] ?? 'diff-modified');

const CHANGES: Record<ConflictSide['changes'][number]['change'], { icon: string; color: string }> = {
  added: { icon: 'diff-added', color: 'gitDecoration.addedResourceForeground' },
  modified: { icon: 'diff-modified', color: 'gitDecoration.modifiedResourceForeground' },
  deleted: { icon: 'diff-removed', color: 'gitDecoration.deletedResourceForeground' },
};

/** Below a side: the files that it changed, folded. */
export function changedRows(
  side: string,
  repo: string,
  branch: string,
  { tip, changes, changedFiles }: ConflictSide,
): readonly Row[] {
  if (changedFiles === 0) return [];
  const id = `${side}#files`;
  const shown = changes.slice(0, MAX_FILES);
  const hidden = changedFiles - shown.length;
  const number = count(changedFiles, 'file');
  return [
    {
      id,
      label: 'Changed files',
      description: String(changedFiles),
      icon: 'files',
      context: 'files',
      accessible: `Changed: ${number}`,
      children: [
        ...shown.map(({ path, change }): Row => {
          const { name, folder } = split(path);
          return {
            id: `${id}:${path}`,
            label: name,
            description: [folder, change].filter(Boolean).join(' · '),
            tooltip: `${plain(path, 500)}\n${change}`,
            ...CHANGES[change],
            context: 'file.changed',
            accessible: `${plain(path, 200)}, ${change}`,
            command: 'peerweave.compare',
            target: { repo, branch, tip, path },
          };
        }),
        ...(hidden > 0 ? [moreRow(id, hidden)] : []),
      ],
    },
  ];
}

/** A path as a row shows it: what matters most first. */
function split(path: string): { readonly name: string; readonly folder: string } {
  const slash = path.lastIndexOf('/');
  return { name: plain(path.slice(slash + 1)), folder: plain(path.slice(0, Math.max(0, slash)), 40) };
}

function moreRow(id: string, hidden: number): Row {
  const text = `and ${count(hidden, 'file')} more`;
  return { id: `${id}:more`, label: '…', description: text, icon: 'blank', context: 'more', accessible: text };
}
