import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../shared/disposable.ts';
import { plain } from './plain-text.ts';
import type { Row } from './row.ts';
import { rowsOf } from './session-rows.ts';
import type { SessionModel } from './session-model.ts';
import { findRow, itemOf, looksOf } from './tree-item.ts';
import { isJoining, sessionsOf, type ViewState } from './view-state.ts';

/** The Peers view: draws the rows of the model, and counts at the icon who waits for an answer. */
export class PeersTree implements vscode.TreeDataProvider<Row>, Disposable {
  private readonly disposables = new DisposableStore();
  private readonly changed = this.disposables.add(new vscode.EventEmitter<void>());
  private readonly model: SessionModel;
  /** What is drawn, and all of it that shows without asking. */
  private rows: readonly Row[] = [];
  private looks = '';
  readonly onDidChangeTreeData = this.changed.event;

  constructor(model: SessionModel) {
    this.model = model;
    const view = this.disposables.add(vscode.window.createTreeView('peerweave.peers', { treeDataProvider: this }));
    const draw = (state: ViewState): void => {
      this.redraw(state);
      const waiting = sessionsOf(state).reduce((sum, { approvals }) => sum + approvals.length, 0);
      view.description = titleNote(state);
      view.badge = waiting === 0 ? undefined : { value: waiting, tooltip: `${waiting} waiting to join` };
    };
    draw(model.state);
    this.disposables.add(model.onDidChange(draw));
  }

  getChildren(row?: Row): Row[] {
    return [...(row === undefined ? this.rows : (row.children ?? []))];
  }

  getTreeItem(row: Row): vscode.TreeItem {
    return itemOf(row);
  }

  /** Asked for when a tooltip is about to be shown: what it tells changes all the time, and redrawing a row for it would close it. */
  resolveTreeItem(item: vscode.TreeItem, row: Row): vscode.TreeItem {
    const { tooltip, accessible } = findRow(rowsOf(this.model.state, timeOfDay), row.id) ?? row;
    // A string is shown as it is; only a MarkdownString would be markup.
    item.tooltip = tooltip ?? accessible;
    return item;
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private redraw(state: ViewState): void {
    const rows = rowsOf(state, timeOfDay);
    const looks = looksOf(rows);
    if (looks === this.looks) return;
    this.rows = rows;
    this.looks = looks;
    this.changed.fire();
  }
}

/** Beside the view's title: what is being joined, which the fixed welcome texts cannot say. */
function titleNote(state: ViewState): string {
  const joining = sessionsOf(state).find(isJoining);
  return joining === undefined ? '' : `joining ${plain(joining.repoName, 30)}`;
}

const timeOfDay = (unixMs: number): string => new Date(unixMs).toLocaleTimeString();
