import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../shared/disposable.ts';
import type { SessionModel } from './session-model.ts';
import { statusValue, type StatusValue } from './status-value.ts';

const BACKGROUNDS = { warning: 'statusBarItem.warningBackground', error: 'statusBarItem.errorBackground' } as const;

/** The one status-bar item; a click opens the menu of what can be done now. */
export class StatusBar implements Disposable {
  private readonly disposables = new DisposableStore();
  private readonly item: vscode.StatusBarItem;

  constructor(model: SessionModel) {
    this.item = this.disposables.add(
      vscode.window.createStatusBarItem('peerweave.status', vscode.StatusBarAlignment.Left, 50),
    );
    this.item.name = 'Peerweave';
    this.item.command = 'peerweave.showMenu';
    this.show(statusValue(model.state));
    this.disposables.add(model.onDidChange((state) => this.show(statusValue(state))));
  }

  private show(value: StatusValue | undefined): void {
    if (value === undefined) {
      this.item.hide();
      return;
    }
    this.item.text = value.text;
    this.item.tooltip = value.tooltip;
    this.item.accessibilityInformation = { label: value.accessible, role: 'button' };
    this.item.backgroundColor =
      value.background === undefined ? undefined : new vscode.ThemeColor(BACKGROUNDS[value.background]);
    this.item.show();
  }

  dispose(): void {
    this.disposables.dispose();
  }
}
