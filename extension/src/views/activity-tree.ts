import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../shared/disposable.ts';
import type { ActivityLog } from './activity-log.ts';
import { activityRows } from './activity-rows.ts';
import { nowForPeople } from './moment.ts';
import type { Row } from './row.ts';
import type { SessionModel } from './session-model.ts';
import { findRow, itemOf, looksOf } from './tree-item.ts';
import { isLive } from './view-state.ts';

/** The Activity view: what moved by itself and by choice, and can be undone. It reads nothing while nobody looks. */
export class ActivityTree implements vscode.TreeDataProvider<Row>, Disposable {
  private readonly disposables = new DisposableStore();
  private readonly changed = this.disposables.add(new vscode.EventEmitter<void>());
  private readonly model: SessionModel;
  private readonly log: ActivityLog;
  private readonly view: vscode.TreeView<Row>;
  private looks = '';
  readonly onDidChangeTreeData = this.changed.event;

  constructor(model: SessionModel, log: ActivityLog) {
    this.model = model;
    this.log = log;
    this.view = this.disposables.add(vscode.window.createTreeView('peerweave.activity', { treeDataProvider: this }));
    const follow = (): void => {
      if (this.view.visible) void log.follow(model.sessions.filter(isLive));
      this.draw();
    };
    this.disposables.add(model.onDidChange(follow));
    this.disposables.add(this.view.onDidChangeVisibility(follow));
    this.disposables.add(log.onDidChange(() => this.draw()));
  }

  async getChildren(row?: Row): Promise<Row[]> {
    if (row !== undefined) return [...(row.children ?? [])];
    await this.log.follow(this.model.sessions.filter(isLive));
    return [...this.rows()];
  }

  getTreeItem(row: Row): vscode.TreeItem {
    return itemOf(row);
  }

  resolveTreeItem(item: vscode.TreeItem, row: Row): vscode.TreeItem {
    const { tooltip, accessible } = findRow(this.rows(), row.id) ?? row;
    item.tooltip = tooltip ?? accessible;
    return item;
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private rows(): readonly Row[] {
    return activityRows(this.model.state, this.log.lookUp, nowForPeople());
  }

  private draw(): void {
    const looks = looksOf(this.rows());
    if (looks === this.looks) return;
    this.looks = looks;
    this.changed.fire();
  }
}
