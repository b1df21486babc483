import { pathToFileURL } from 'node:url';
import type {
  CodeAction,
  CodeLens,
  Diagnostic,
  Hover,
  Range,
  Registration,
  RegistrationParams,
  TextEdit,
  UnregistrationParams,
} from 'vscode-languageserver/node';
import { edited } from '../../support/text-edits.ts';
import { StdioEngine } from '../session/stdio-engine.ts';

const DYNAMIC = { dynamicRegistration: true };

/** What VS Code says that it can do, as far as it matters here. */
export const VSCODE = {
  textDocument: {
    synchronization: DYNAMIC,
    codeLens: DYNAMIC,
    hover: { ...DYNAMIC, contentFormat: ['markdown', 'plaintext'] },
    codeAction: { ...DYNAMIC, codeActionLiteralSupport: { codeActionKind: { valueSet: ['quickfix'] } } },
  },
  workspace: { codeLens: { refreshSupport: true } },
};

interface Open {
  readonly uri: string;
  readonly languageId: string;
  version: number;
  text: string;
}

/** An editor at an engine: has documents, sends them when it is asked to, asks for lenses as it is told to. */
export class Editor {
  readonly engine: StdioEngine;
  readonly diagnostics = new Map<string, Diagnostic[]>();
  readonly registered = new Map<string, Registration>();
  /** Documents whose text the engine was given. */
  readonly sent = new Set<string>();
  refreshes = 0;
  private readonly documents = new Map<string, Open>();
  private readonly changes = new Set<() => void>();

  constructor(engine: StdioEngine) {
    this.engine = engine;
    const { connection } = engine;
    connection.onRequest('client/registerCapability', ({ registrations }: RegistrationParams) => {
      for (const one of registrations) this.registered.set(one.id, one);
      if (registrations.some(({ method }) => method === 'textDocument/didOpen'))
        for (const document of this.documents.values()) this.send(document);
      this.changed();
      return null;
    });
    connection.onRequest('client/unregisterCapability', ({ unregisterations }: UnregistrationParams) => {
      const gone = unregisterations.map(({ method }) => method);
      for (const { id } of unregisterations) this.registered.delete(id);
      if (gone.includes('textDocument/didClose'))
        for (const uri of this.sent) this.tell('textDocument/didClose', { textDocument: { uri } });
      this.changed();
      return null;
    });
    connection.onRequest('workspace/codeLens/refresh', () => {
      this.refreshes += 1;
      this.changed();
      return null;
    });
    connection.onNotification(
      'textDocument/publishDiagnostics',
      ({ uri, diagnostics }: { uri: string; diagnostics: Diagnostic[] }) => {
        this.diagnostics.set(uri, diagnostics);
        this.changed();
      },
    );
  }

  get active(): boolean {
    return this.registered.size > 0;
  }

  /** Opens a file's text, without a look at the disk. */
  open(path: string, text: string, languageId = 'plaintext'): string {
    const uri = pathToFileURL(path).href;
    const document = { uri, languageId, version: 1, text };
    this.documents.set(uri, document);
    if (this.wants('textDocument/didOpen')) this.send(document);
    return uri;
  }

  /** Types: the whole text anew. */
  edit(uri: string, text: string): void {
    const document = this.documents.get(uri);
    if (document === undefined) throw new Error(`${uri} is not open`);
    document.version += 1;
    document.text = text;
    if (!this.sent.has(uri)) return;
    const textDocument = { uri, version: document.version };
    this.tell('textDocument/didChange', {
      textDocument,
      contentChanges: [{ text }],
    });
  }

  textOf(uri: string): string {
    return this.documents.get(uri)?.text ?? '';
  }

  async lenses(uri: string): Promise<CodeLens[]> {
    if (!this.wants('textDocument/codeLens')) return [];
    return this.engine.connection.sendRequest('textDocument/codeLens', { textDocument: { uri } });
  }

  /** Lenses as a person reads them: `5: bob changed these lines · Compare`. */
  async read(uri: string): Promise<string[]> {
    const lines = new Map<number, string[]>();
    for (const { range, command } of await this.lenses(uri))
      lines.set(range.start.line, [...(lines.get(range.start.line) ?? []), command?.title ?? '']);
    return [...lines].sort(([a], [b]) => a - b).map(([line, titles]) => `${line}: ${titles.join(' · ')}`);
  }

  hover(uri: string, line: number): Promise<Hover | null> {
    const position = { line, character: 0 };
    return this.engine.connection.sendRequest('textDocument/hover', { textDocument: { uri }, position });
  }

  actions(uri: string, line: number): Promise<CodeAction[]> {
    const range: Range = { start: { line, character: 0 }, end: { line, character: 0 } };
    const context = { diagnostics: [] };
    return this.engine.connection.sendRequest('textDocument/codeAction', { textDocument: { uri }, range, context });
  }

  /** Applies an action's edit as an editor would; throws when it is for another version. */
  apply({ edit }: CodeAction): void {
    for (const change of edit?.documentChanges ?? []) {
      if (!('textDocument' in change)) continue;
      const document = this.documents.get(change.textDocument.uri);
      if (document?.version !== change.textDocument.version) throw new Error('an edit for another version');
      this.edit(document.uri, edited(document.text, change.edits as TextEdit[]));
    }
  }

  /** Resolves when `holds` does; looked at whenever the engine said something. */
  async until(holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.changes.delete(look);
        resolve();
      };
      this.changes.add(look);
    });
  }

  private wants(method: string): boolean {
    return [...this.registered.values()].some((one) => one.method === method);
  }

  private send({ uri, languageId, version, text }: Open): void {
    this.sent.add(uri);
    const textDocument = { uri, languageId, version, text };
    this.tell('textDocument/didOpen', { textDocument });
  }

  /** An engine that is being ended hears it no more. */
  private tell(method: string, params: object): void {
    this.engine.connection.sendNotification(method, params).catch(() => undefined);
  }

  private changed(): void {
    for (const look of [...this.changes]) look();
  }
}
