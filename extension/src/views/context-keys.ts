import * as vscode from 'vscode';
import type { Disposable } from '../shared/disposable.ts';
import { contextsOf, type Contexts } from './contexts.ts';
import type { SessionModel } from './session-model.ts';

/** Keeps the editor's context keys equal to the model; only what changed crosses to the window. */
export function bindContextKeys(model: SessionModel): Disposable {
  let shown: Partial<Contexts> = {};
  const bind = (): void => {
    const wanted = contextsOf(model.state);
    for (const [key, value] of Object.entries(wanted)) {
      if (shown[key as keyof Contexts] !== value) void vscode.commands.executeCommand('setContext', key, value);
    }
    shown = wanted;
  };
  bind();
  return model.onDidChange(bind);
}
