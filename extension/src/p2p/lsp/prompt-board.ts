import type { Disposable } from '../../shared/disposable.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { NO_PROMPTS, type DocumentPrompts } from './prompt.ts';
import type { Surroundings } from './surroundings.ts';

/** Milliseconds from a change, of a document or of the sessions, until it is looked at: who types is not disturbed at every letter. */
const PAUSE_MS = 120;
/** Documents that are looked at. */
const MAX_DOCUMENTS = 100;

export interface BoardDocument {
  readonly uri: string;
  readonly version: number;
}

export interface BoardParts<D extends BoardDocument> {
  /** What is open. */
  readonly documents: () => readonly D[];
  readonly read: () => Promise<Surroundings>;
  readonly compute: (document: D, around: Surroundings) => Promise<DocumentPrompts>;
  /** There is something to tell, or nothing any more: then nobody has to send documents. Awaited. */
  readonly onActive: (active: boolean) => Promise<void>;
  /** A document's prompts changed; they are none for one that was closed. */
  readonly onPrompts: (document: BoardDocument, prompts: DocumentPrompts) => void;
  /** Lenses changed other than by an edit of their own document, after which an editor asks by itself. */
  readonly onLenses: () => void;
  readonly log: Logger;
}

interface Shown extends BoardDocument {
  readonly prompts: DocumentPrompts;
  /** To tell whether they changed. */
  readonly text: string;
}

/**
 * Keeps the prompts of every open document as the sessions and the documents change. Rounds follow each other, one at a time; what changes
 * during one is looked at in the next.
 */
export class PromptBoard<D extends BoardDocument> implements Disposable {
  private readonly parts: BoardParts<D>;
  private readonly shown = new Map<string, Shown>();
  private edited = new Set<string>();
  private signature = '';
  private active = false;
  private timer: NodeJS.Timeout | undefined;
  private running = false;
  private again = false;
  private readonly waiters: (() => void)[] = [];
  private disposed = false;

  constructor(parts: BoardParts<D>) {
    this.parts = parts;
  }

  /** A document was opened, changed or closed; without one, the sessions may have changed. */
  changed(uri?: string): void {
    if (uri !== undefined) this.edited.add(uri);
    if (this.disposed) return;
    if (this.running) this.again = true;
    else this.timer ??= setTimeout(() => void this.round(), PAUSE_MS);
  }

  /** What a document shows at its present version. */
  async of({ uri, version }: BoardDocument): Promise<DocumentPrompts> {
    if (this.shown.get(uri)?.version !== version || this.edited.has(uri)) {
      this.changed(uri);
      await new Promise<void>((resolve) => this.waiters.push(resolve));
    }
    return this.shown.get(uri)?.prompts ?? NO_PROMPTS;
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    this.release(this.waiters.length);
  }

  private async round(): Promise<void> {
    this.timer = undefined;
    this.running = true;
    // Whoever asks from now on wants to know of a later one.
    const waiting = this.waiters.length;
    const edited = this.edited;
    this.edited = new Set();
    try {
      await this.look(edited);
    } catch (error) {
      this.parts.log.warn(`Prompts could not be made: ${messageOf(error)}`);
    }
    this.running = false;
    this.release(waiting);
    if (this.again) this.changed();
    this.again = false;
  }

  private async look(edited: ReadonlySet<string>): Promise<void> {
    const around = await this.parts.read();
    const others = around.signature !== this.signature || around.places.some(({ merge }) => merge !== undefined);
    this.signature = around.signature;
    await this.setActive(around.places.length > 0);
    const open = this.parts.documents().slice(0, MAX_DOCUMENTS);
    const closed = [...this.shown.values()].filter(({ uri }) => !open.some((document) => document.uri === uri));
    for (const document of closed) this.forget(document);
    let elsewhere = false;
    for (const document of open) {
      if (!others && !edited.has(document.uri) && this.shown.get(document.uri)?.version === document.version) continue;
      const changed = await this.show(document, around);
      elsewhere ||= changed && !edited.has(document.uri);
    }
    if (elsewhere) this.parts.onLenses();
  }

  private async show(document: D, around: Surroundings): Promise<boolean> {
    const { uri, version } = document;
    const prompts = this.active ? await this.parts.compute(document, around) : NO_PROMPTS;
    const text = JSON.stringify(prompts);
    const changed = text !== (this.shown.get(uri)?.text ?? NOTHING);
    this.shown.set(uri, { uri, version, prompts, text });
    if (changed) this.parts.onPrompts({ uri, version }, prompts);
    return changed;
  }

  private forget({ uri, version, text }: Shown): void {
    this.shown.delete(uri);
    if (text !== NOTHING) this.parts.onPrompts({ uri, version }, NO_PROMPTS);
  }

  private async setActive(active: boolean): Promise<void> {
    if (active === this.active) return;
    this.active = active;
    await this.parts.onActive(active);
  }

  private release(count: number): void {
    for (const resolve of this.waiters.splice(0, count)) resolve();
  }
}

const NOTHING = JSON.stringify(NO_PROMPTS);
