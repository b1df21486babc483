import * as vscode from 'vscode';
import type { ConflictView } from '../rpc/model.ts';
import { DisposableStore, type Disposable } from '../shared/disposable.ts';
import type { ConflictDetails } from './conflict-details.ts';
import { conflictRowId, conflictRows } from './conflict-rows.ts';
import { conflictCounts } from './conflict-words.ts';
import { nowForPeople } from './moment.ts';
import type { Row } from './row.ts';
import type { SessionModel } from './session-model.ts';
import { findRow, itemOf, looksOf } from './tree-item.ts';
import { count } from './units.ts';
import { sessionsOf } from './view-state.ts';

/** The Conflicts view: the branches that went different ways, read in full when they are opened, and their number at the icon. */
export class ConflictsTree implements vscode.TreeDataProvider<Row>, Disposable {
  private readonly disposables = new DisposableStore();
  private readonly changed = this.disposables.add(new vscode.EventEmitter<void>());
  private readonly model: SessionModel;
  private readonly details: ConflictDetails;
  private readonly view: vscode.TreeView<Row>;
  private rows: readonly Row[] = [];
  private looks = '';
  readonly onDidChangeTreeData = this.changed.event;

  constructor(model: SessionModel, details: ConflictDetails) {
    this.model = model;
    this.details = details;
    const options = { treeDataProvider: this, showCollapseAll: true };
    this.view = this.disposables.add(vscode.window.createTreeView('peerweave.conflicts', options));
    this.draw();
    this.disposables.add(model.onDidChange(() => this.draw()));
    this.disposables.add(details.onDidChange(() => this.draw()));
  }

  async getChildren(row?: Row): Promise<Row[]> {
    if (row === undefined) return [...this.rows];
    if (row.lazy === undefined) return [...(row.children ?? [])];
    const conflict = this.conflictOf(row);
    if (conflict === undefined) return [];
    await this.details.load(row.target?.repo ?? '', conflict);
    return [...(findRow(this.wanted(), row.id)?.children ?? [])];
  }

  getTreeItem(row: Row): vscode.TreeItem {
    return itemOf(row);
  }

  /** Times in it pass: it is told anew when it is about to be shown. */
  resolveTreeItem(item: vscode.TreeItem, row: Row): vscode.TreeItem {
    const { tooltip, accessible } = findRow(this.wanted(), row.id) ?? row;
    item.tooltip = tooltip ?? accessible;
    return item;
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private draw(): void {
    this.details.prune(this.model.sessions);
    const waiting = sessionsOf(this.model.state).reduce((sum, session) => sum + conflictCounts(session).toSettle, 0);
    this.view.badge =
      waiting === 0 ? undefined : { value: waiting, tooltip: `${count(waiting, 'conflict')} to settle` };
    const rows = this.wanted();
    const looks = looksOf(rows);
    if (looks === this.looks) return;
    this.rows = rows;
    this.looks = looks;
    this.changed.fire();
  }

  private wanted(): readonly Row[] {
    return conflictRows(this.model.state, this.details.lookUp, nowForPeople());
  }

  private conflictOf({ id, target }: Row): ConflictView | undefined {
    const session = target === undefined ? undefined : this.model.session(target.repo);
    return session?.conflicts.find((conflict) => conflictRowId(session.repo, conflict) === id);
  }
}
