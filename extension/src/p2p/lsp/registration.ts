import {
  BulkRegistration,
  CodeActionKind,
  CodeActionRequest,
  CodeLensRequest,
  DidChangeTextDocumentNotification,
  DidCloseTextDocumentNotification,
  DidOpenTextDocumentNotification,
  HoverRequest,
  TextDocumentSyncKind,
  type BulkUnregistration,
  type ClientCapabilities,
  type Connection,
  type ServerCapabilities,
} from 'vscode-languageserver/node';

const FILES = { documentSelector: [{ scheme: 'file' }] };
const ACTIONS = { codeActionKinds: [CodeActionKind.QuickFix] };

/** What of an editor's abilities decides what it is told. */
export interface EditorAbilities {
  /** Can be asked for documents when there is something to tell of them, and not before. */
  readonly dynamic: boolean;
  readonly markdown: boolean;
  readonly refreshLenses: boolean;
  /** Takes actions that are edits; others get none. */
  readonly actionLiterals: boolean;
}

export function abilitiesOf({ textDocument, workspace }: ClientCapabilities): EditorAbilities {
  const features = [
    textDocument?.synchronization,
    textDocument?.codeLens,
    textDocument?.hover,
    textDocument?.codeAction,
  ];
  return {
    dynamic: features.every((feature) => feature?.dynamicRegistration === true),
    markdown: textDocument?.hover?.contentFormat?.includes('markdown') === true,
    refreshLenses: workspace?.codeLens?.refreshSupport === true,
    actionLiterals: textDocument?.codeAction?.codeActionLiteralSupport !== undefined,
  };
}

/** For an editor that can only be told once, at the beginning. */
export const staticCapabilities = ({ dynamic }: EditorAbilities): ServerCapabilities =>
  dynamic
    ? {}
    : {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
        codeLensProvider: { resolveProvider: false },
        hoverProvider: true,
        codeActionProvider: ACTIONS,
      };

/**
 * Asks the editor for its documents and its questions only while there is something to tell (ED1): without a diverged branch no text of
 * anybody's files goes to the engine.
 */
export class Registration {
  private readonly connection: Connection;
  private current: BulkUnregistration | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  async set(active: boolean): Promise<void> {
    if (active === (this.current !== undefined)) return;
    if (!active) {
      this.current?.dispose();
      this.current = undefined;
      return;
    }
    const wanted = BulkRegistration.create();
    wanted.add(CodeLensRequest.type, { ...FILES, resolveProvider: false });
    wanted.add(HoverRequest.type, FILES);
    wanted.add(CodeActionRequest.type, { ...FILES, ...ACTIONS });
    wanted.add(DidCloseTextDocumentNotification.type, FILES);
    wanted.add(DidChangeTextDocumentNotification.type, { ...FILES, syncKind: TextDocumentSyncKind.Incremental });
    // Last: what is open is sent at once.
    wanted.add(DidOpenTextDocumentNotification.type, FILES);
    this.current = await this.connection.client.register(wanted);
  }
}
