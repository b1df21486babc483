import type { LogOutputChannel } from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  TransportKind,
  type LanguageClientOptions,
} from 'vscode-languageclient/node';
import { silentTrace } from './silent-trace.ts';
import { workDoneProgress } from './work-done-progress.ts';

/**
 * A language client that never restarts and never pops up by itself: `EngineClient` decides both, since it knows the pause,
 * the sessions to resume, and that one cause is worth one notification (ED3). `onClosed` hears of every unexpected end.
 */
export function createLanguageClient(module: string, log: LogOutputChannel, onClosed: () => void): LanguageClient {
  const options: LanguageClientOptions = {
    // The engine asks for documents itself, while a branch has diverged and only then (ED1).
    documentSelector: [],
    outputChannel: log,
    traceOutputChannel: silentTrace(),
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    initializationFailedHandler: () => false,
    middleware: { handleWorkDoneProgress: workDoneProgress(() => client) },
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        onClosed();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
  };
  const client: LanguageClient = new QuietClient(
    'peerweave',
    'Peerweave',
    { module, transport: TransportKind.stdio },
    options,
  );
  return client;
}

class QuietClient extends LanguageClient {
  /** The base class insists on a notification for a failed start; ours comes from whoever asked. */
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}
