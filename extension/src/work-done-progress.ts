import * as vscode from 'vscode';
import {
  WorkDoneProgressCancelNotification,
  type LanguageClient,
  type Middleware,
  type ProgressToken,
  type WorkDoneProgressBegin,
  type WorkDoneProgressEnd,
  type WorkDoneProgressReport,
} from 'vscode-languageclient/node';

type WorkDone = WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd;

interface Shown {
  report(value: WorkDoneProgressReport): void;
  end(): void;
}

/**
 * Shows the engine's LSP progress. The client's own way puts everything into the status bar, where nothing can be cancelled;
 * here, work that may be cancelled is a notification with *Cancel*.
 */
export function workDoneProgress(
  client: () => LanguageClient | undefined,
): NonNullable<Middleware['handleWorkDoneProgress']> {
  const open = new Map<ProgressToken, Shown>();
  return (token: ProgressToken, value: WorkDone) => {
    switch (value.kind) {
      case 'begin':
        open.set(
          token,
          show(value, () => void client()?.sendNotification(WorkDoneProgressCancelNotification.type, { token })),
        );
        break;
      case 'report':
        open.get(token)?.report(value);
        break;
      case 'end':
        open.get(token)?.end();
        open.delete(token);
    }
  };
}

function show(begin: WorkDoneProgressBegin, cancel: () => void): Shown {
  const cancellable = begin.cancellable === true;
  const location = cancellable ? vscode.ProgressLocation.Notification : vscode.ProgressLocation.Window;
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let report: Shown['report'] = () => undefined;
  void vscode.window.withProgress({ location, cancellable, title: begin.title }, async (progress, cancelled) => {
    let reached = 0;
    report = ({ message, percentage }) => {
      // The editor adds increments up; the engine says where it is, and starts again at each stage.
      const increment = percentage === undefined ? 0 : Math.max(0, percentage - reached);
      reached += increment;
      progress.report({ ...(message === undefined ? {} : { message }), ...(increment > 0 ? { increment } : {}) });
    };
    report({ ...begin, kind: 'report' });
    cancelled.onCancellationRequested(cancel);
    await ended;
  });
  return { report: (value) => report(value), end: () => end() };
}
