import * as vscode from 'vscode';
import type { Row } from './row.ts';

/** A row as the editor draws it. Its tooltip comes later, when it is about to be shown. */
export function itemOf(row: Row): vscode.TreeItem {
  const item = new vscode.TreeItem(row.label, collapsibleState(row));
  item.id = row.id;
  item.iconPath = new vscode.ThemeIcon(
    row.icon,
    row.color === undefined ? undefined : new vscode.ThemeColor(row.color),
  );
  item.contextValue = row.context;
  item.accessibilityInformation = { label: row.accessible };
  if (row.description !== undefined) item.description = row.description;
  if (row.command !== undefined) item.command = { command: row.command, title: row.label, arguments: [row] };
  return item;
}

function collapsibleState({ children, lazy, expanded }: Row): vscode.TreeItemCollapsibleState {
  if (children === undefined && lazy === undefined) return vscode.TreeItemCollapsibleState.None;
  return expanded === true ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.Collapsed;
}

/** All of rows that shows without asking: what is equal in it need not be drawn again. */
export const looksOf = (rows: readonly Row[]): string =>
  JSON.stringify(rows, (key, value: unknown) => (key === 'tooltip' ? undefined : value));

/** The row with this id, however deep it is. */
export function findRow(rows: readonly Row[], id: string): Row | undefined {
  for (const row of rows) {
    const found = row.id === id ? row : findRow(row.children ?? [], id);
    if (found !== undefined) return found;
  }
  return undefined;
}
