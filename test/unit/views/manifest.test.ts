import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { activityRows } from '../../../extension/src/views/activity-rows.ts';
import { conflictRows } from '../../../extension/src/views/conflict-rows.ts';
import type { Row } from '../../../extension/src/views/row.ts';
import { someEntry } from '../../support/activity-entries.ts';
import { someDetail } from '../../support/conflict-details.ts';
import { someConflict, someSession, stateWith } from '../../support/session-views.ts';

interface MenuItem {
  readonly command: string;
  readonly when?: string;
  readonly group?: string;
}

const { contributes } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  contributes: {
    commands: { command: string; icon?: string; enablement?: string }[];
    menus: Record<string, MenuItem[]>;
  };
};
const commands = new Map(contributes.commands.map((command) => [command.command, command]));
const onRows = contributes.menus['view/item/context'] ?? [];

const CONFLICT_COMMANDS = [
  ...[
    'resolve',
    'rebaseMine',
    'takeTheirs',
    'keepMine',
    'keepBoth',
    'compare',
    'openMergeEditor',
    'resolveWithMarkers',
  ],
  ...['completeMerge', 'abortMerge', 'followPeer', 'undo', 'setStrategy', 'restoreKept'],
].map((name) => `peerweave.${name}`);

const flat = (list: readonly Row[]): Row[] => list.flatMap((row) => [row, ...flat(row.children ?? [])]);
const times = { now: 0, full: String };
const conflicts = [
  someConflict({ strategy: 'auto-merge', settling: 'unclean' }),
  someConflict({ kind: 'rewound-there', branch: 'b' }),
  someConflict({ kind: 'deleted-there', branch: 'c', deletedBy: ['Bea'] }),
];
const state = stateWith(someSession({ conflicts }));
const contexts: Record<string, Set<string>> = {
  'peerweave.conflicts': contextsOf(conflictRows(state, () => ({ detail: someDetail() }), times)),
  'peerweave.activity': contextsOf(activityRows(state, () => ({ entries: [someEntry()] }), times)),
};

function contextsOf(rows: readonly Row[]): Set<string> {
  return new Set(flat(rows).map(({ context }) => context));
}

/** The contexts that a clause such as `view == v && viewItem =~ /^x/` lets in. */
function accepts(when: string, context: string): boolean {
  const equal = /viewItem == ([\w.-]+)/.exec(when)?.[1];
  const pattern = /viewItem =~ \/(.+?)\//.exec(when)?.[1];
  return equal === undefined ? pattern !== undefined && new RegExp(pattern).test(context) : equal === context;
}

describe('the manifest', () => {
  it('has no menu entry for a command that is none', () => {
    const used = Object.values(contributes.menus).flatMap((items) => items.map(({ command }) => command));
    expect(used.filter((command) => !commands.has(command))).toEqual([]);
  });

  it.each(CONFLICT_COMMANDS)('%s has an icon, and the palette offers it only where it makes sense', (command) => {
    const { icon, enablement } = commands.get(command) ?? {};
    expect(icon).toMatch(/^\$\([a-z-]+\)$/);
    const offered = contributes.menus.commandPalette?.find((item) => item.command === command);
    expect(offered?.when).toBe(enablement);
    expect(enablement).toMatch(/peerweave\.(diverged|canFollow|inSession)/);
  });

  it('has icons for all that is shown as one, on rows and in titles', () => {
    const inline = [...onRows, ...(contributes.menus['view/title'] ?? [])].filter(({ group }) =>
      /^(inline|navigation)/.test(group ?? ''),
    );
    expect(inline.filter(({ command }) => commands.get(command)?.icon === undefined)).toEqual([]);
  });

  it.each(['peerweave.conflicts', 'peerweave.activity'])('has entries for rows of %s that there are', (view) => {
    const clauses = onRows.map(({ when }) => when ?? '').filter((when) => when.includes(`view == ${view} `));
    expect(clauses.length).toBeGreaterThan(0);
    const shown = [...(contexts[view] ?? [])];
    expect(clauses.filter((when) => !shown.some((context) => accepts(when, context)))).toEqual([]);
  });

  it('offers by the keyboard what it offers by the mouse: inline actions are in the menu of the row too', () => {
    const inline = onRows.filter(({ group }) => group?.startsWith('inline'));
    const inMenu = onRows.filter(({ group }) => group?.startsWith('inline') === false);
    const missing = inline.filter(
      ({ command, when }) =>
        /peerweave\.(conflicts|activity) /.test(when ?? '') &&
        !inMenu.some((item) => item.command === command && item.when === when),
    );
    expect(missing).toEqual([]);
  });
});
