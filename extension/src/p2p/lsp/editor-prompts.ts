import { join } from 'node:path';
import {
  CodeLensRefreshRequest,
  TextDocuments,
  type ClientCapabilities,
  type Connection,
  type ServerCapabilities,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { Logger } from '../../shared/log.ts';
import type { P2PManager } from '../manager.ts';
import { codeActions } from './code-actions.ts';
import { codeLenses, type LensDocument } from './code-lenses.ts';
import { diagnosticsOf } from './diagnostics.ts';
import { divergencePrompts } from './divergence-prompts.ts';
import { hoverAt } from './hovers.ts';
import { mergePrompt } from './merge-prompts.ts';
import { OpenPaths, textsByPath } from './open-documents.ts';
import { PeerVersions } from './peer-versions.ts';
import { PromptBoard, type BoardDocument } from './prompt-board.ts';
import { NO_PROMPTS, type DocumentPrompts } from './prompt.ts';
import { quietly } from './quietly.ts';
import { abilitiesOf, Registration, staticCapabilities, type EditorAbilities } from './registration.ts';
import { placeOf, readSurroundings, type Surroundings } from './surroundings.ts';

/**
 * Prompts in the editor (D6): on the lines of open files that a diverged commit of a peer also changes, and on the conflicts of a merge
 * with markers. Diagnostics are pushed; lenses, actions and hovers are asked for. All of it goes when the conflict is settled, by whomever.
 */
export class EditorPrompts {
  private readonly connection: Connection;
  private readonly manager: P2PManager;
  private readonly documents = new TextDocuments(TextDocument);
  private readonly paths = new OpenPaths();
  private readonly versions: PeerVersions;
  private readonly registration: Registration;
  private readonly board: PromptBoard<TextDocument>;
  private abilities: EditorAbilities = abilitiesOf({});

  constructor(connection: Connection, manager: P2PManager, log: Logger) {
    this.connection = connection;
    this.manager = manager;
    this.versions = new PeerVersions(log);
    this.registration = new Registration(connection);
    this.board = new PromptBoard({
      documents: () => this.documents.all(),
      read: () => readSurroundings(manager),
      compute: (document, around) => this.compute(document, around),
      onActive: async (active) => (this.abilities.dynamic ? this.registration.set(active) : undefined),
      onPrompts: (document, prompts) => this.publish(document, prompts),
      onLenses: () => this.refreshLenses(),
      log,
    });
    this.answer();
  }

  /** What the editor is told that the engine can do, by what the editor can. */
  initialize(capabilities: ClientCapabilities): ServerCapabilities {
    this.abilities = abilitiesOf(capabilities);
    return staticCapabilities(this.abilities);
  }

  /** To be called once the editor is ready. */
  start(): void {
    this.manager.onChange(() => this.board.changed());
    this.documents.onDidChangeContent(({ document }) => this.board.changed(document.uri));
    this.documents.onDidClose(({ document }) => {
      this.paths.closed(document.uri);
      this.board.changed(document.uri);
    });
  }

  private answer(): void {
    const { connection, documents } = this;
    documents.listen(connection);
    connection.onCodeLens(async ({ textDocument: { uri } }) => {
      const document = documents.get(uri);
      return document === undefined ? [] : codeLenses(document, await this.board.of(document));
    });
    connection.onCodeAction(async ({ textDocument: { uri }, range }) => {
      const document = documents.get(uri);
      if (document === undefined || !this.abilities.actionLiterals) return [];
      return codeActions(document, await this.board.of(document), range);
    });
    connection.onHover(async ({ textDocument: { uri }, position }) => {
      const document = documents.get(uri);
      if (document === undefined) return null;
      return hoverAt(await this.board.of(document), position.line, document, this.abilities.markdown);
    });
  }

  private async compute(document: LensDocument & TextDocument, around: Surroundings): Promise<DocumentPrompts> {
    const file = await this.paths.of(document.uri);
    const found = file === undefined ? undefined : placeOf(around.places, file);
    if (found === undefined) return NO_PROMPTS;
    const { place, path } = found;
    const text = document.getText();
    if (place.merge !== undefined) {
      // What is in the buffer now is neither side: what the others changed is told by the merge.
      const open = await textsByPath(this.documents.all(), this.paths);
      const merge = mergePrompt(place, path, (other) => open.get(join(place.root, other))?.getText());
      return { ...NO_PROMPTS, merge };
    }
    const { prompts, more } = await divergencePrompts(this.versions, found, text);
    return { divergences: prompts, more, merge: undefined };
  }

  private publish({ uri }: BoardDocument, prompts: DocumentPrompts): void {
    const document = this.documents.get(uri);
    const diagnostics = document === undefined ? [] : diagnosticsOf(prompts, document.lineCount);
    // Without a version: what was found for it may be a letter behind, and is better than nothing.
    quietly(() => this.connection.sendDiagnostics({ uri, diagnostics }));
  }

  private refreshLenses(): void {
    if (this.abilities.refreshLenses) quietly(() => this.connection.sendRequest(CodeLensRefreshRequest.type));
  }
}
