import * as vscode from 'vscode';

/**
 * A trace channel that keeps nothing. The client would otherwise write whole messages to the log at level *Trace*, and those
 * carry invites and the private key (SE8).
 */
export function silentTrace(): vscode.LogOutputChannel {
  const nothing = (): void => undefined;
  const channel: Omit<vscode.LogOutputChannel, 'show'> = {
    name: 'Peerweave (no trace)',
    logLevel: vscode.LogLevel.Off,
    onDidChangeLogLevel: () => new vscode.Disposable(nothing),
    append: nothing,
    appendLine: nothing,
    replace: nothing,
    clear: nothing,
    hide: nothing,
    dispose: nothing,
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
  };
  return Object.assign(channel, { show: nothing });
}
