import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { EngineClient } from '../engineClient.ts';
import type { ConflictTarget } from '../rpc/conflicts.ts';
import { DisposableStore, type Disposable } from '../shared/disposable.ts';
import { plain } from './plain-text.ts';
import type { DraftMemory, DraftStore } from './resolve-drafts.ts';
import type { ResolutionHost } from './resolve-host.ts';
import type { SessionModel } from './session-model.ts';

export interface ResolvePanelsParts {
  readonly engine: EngineClient;
  readonly model: SessionModel;
  /** The workspace's, where drafts are kept. */
  readonly memory: DraftMemory;
  readonly log: vscode.LogOutputChannel;
  /** Holds the page's bundle. */
  readonly dist: vscode.Uri;
}

interface OpenPanel {
  readonly panel: vscode.WebviewPanel;
  readonly host: ResolutionHost;
}

/** What a page is hosted with: it decodes messages, so it is loaded with the first page (ED1). */
type Hosting = Pick<typeof import('../deferred.ts'), 'ResolutionHost' | 'pageMemory'> & { readonly drafts: DraftStore };

const VIEW_TYPE = 'peerweave.resolve';

/** Pages on which diverged branches are merged. One a conflict; asking again brings it to the front. */
export class ResolvePanels implements Disposable, vscode.WebviewPanelSerializer {
  private readonly parts: ResolvePanelsParts;
  private readonly open = new Map<string, OpenPanel>();
  private readonly disposables = new DisposableStore();
  private loaded: Promise<Hosting> | undefined;

  constructor(parts: ResolvePanelsParts) {
    this.parts = parts;
    const { model } = parts;
    this.disposables.add(
      model.onDidChange(() => {
        for (const { host } of this.open.values()) host.sessionChanged();
      }),
    );
    this.disposables.add(vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, this));
  }

  /** Opens the page of a branch's conflict. Asks first when somebody else is at it (D8). */
  async show({ repo, branch }: Pick<ConflictTarget, 'repo' | 'branch'>): Promise<void> {
    if (this.reveal(repo, branch) || !(await this.mayResolve(repo, branch))) return;
    const hosting = await this.hosting();
    // It may have been asked for twice meanwhile.
    if (this.reveal(repo, branch)) return;
    const title = `Merge ${plain(branch)}`;
    // What can be undone in the page is in the page alone.
    const options = { ...this.options(), retainContextWhenHidden: true };
    const panel = vscode.window.createWebviewPanel(VIEW_TYPE, title, vscode.ViewColumn.Active, options);
    this.host(hosting, { repo, branch, panel });
  }

  /** A window that was reloaded has its pages again (CO6). */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const hosting = await this.hosting();
    const memory = hosting.pageMemory.safeParse(state);
    if (!memory.success || this.open.has(keyOf(memory.data.repo, memory.data.branch))) {
      panel.dispose();
      return;
    }
    panel.webview.options = this.options();
    this.host(hosting, { repo: memory.data.repo, branch: memory.data.branch, panel });
  }

  dispose(): void {
    this.disposables.dispose();
    for (const { panel } of this.open.values()) panel.dispose();
  }

  private options(): vscode.WebviewOptions {
    return { enableScripts: true, localResourceRoots: [this.parts.dist] };
  }

  private reveal(repo: string, branch: string): boolean {
    const open = this.open.get(keyOf(repo, branch));
    open?.panel.reveal();
    return open !== undefined;
  }

  private host(hosting: Hosting, opened: { repo: string; branch: string; panel: vscode.WebviewPanel }): void {
    const { engine, model, log, dist } = this.parts;
    const { repo, branch, panel } = opened;
    const host = new hosting.ResolutionHost(
      { repo, branch },
      {
        request: engine.request,
        session: () => model.session(repo),
        send: (message) => void panel.webview.postMessage(message),
        drafts: hosting.drafts,
        compare: async (target) => {
          await vscode.commands.executeCommand('peerweave.compare', target);
        },
        confirmDiscard: () => confirmDiscard(branch),
        confirmReview,
        close: () => {
          panel.dispose();
        },
        log,
      },
    );
    const key = keyOf(repo, branch);
    this.open.set(key, { panel, host });
    panel.onDidDispose(() => {
      this.open.delete(key);
      host.dispose();
    });
    panel.webview.onDidReceiveMessage((message: unknown) => host.handle(message));
    panel.webview.html = page(panel.webview, dist);
  }

  private hosting(): Promise<Hosting> {
    this.loaded ??= import('../deferred.ts').then(({ DraftStore, ResolutionHost, pageMemory }) => ({
      ResolutionHost,
      pageMemory,
      drafts: new DraftStore(this.parts.memory),
    }));
    return this.loaded;
  }

  private async mayResolve(repo: string, branch: string): Promise<boolean> {
    const conflict = this.parts.model.session(repo)?.conflicts.find((each) => each.branch === branch);
    const others = conflict?.resolving.map(({ name }) => plain(name)) ?? [];
    if (others.length === 0) return true;
    const message = `${others.join(', ')} ${others.length === 1 ? 'is' : 'are'} resolving ${plain(branch)} now.`;
    const detail =
      'What they finish comes to you by itself and settles the conflict. Two results with the same files become one by themselves.';
    return (await vscode.window.showWarningMessage(message, { modal: true, detail }, RESOLVE_TOO)) === RESOLVE_TOO;
  }
}

const RESOLVE_TOO = 'Resolve Too';
const FINISH_ANYWAY = 'Finish Anyway';
const DISCARD = 'Discard Decisions';

async function confirmDiscard(branch: string): Promise<boolean> {
  const message = `Discard what you decided for ${plain(branch)}?`;
  const detail = 'The conflict stays as it was. To go on later, close the page instead: it keeps your decisions.';
  return (await vscode.window.showWarningMessage(message, { modal: true, detail }, DISCARD)) === DISCARD;
}

async function confirmReview(why: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(plain(why, 500), { modal: true }, FINISH_ANYWAY)) === FINISH_ANYWAY;
}

const keyOf = (repo: string, branch: string): string => `${repo}\0${branch}`;

/** No inline code or style, no network: only our script, by nonce, and our style sheet, and the images that its elements bring along. */
function page(webview: vscode.Webview, dist: vscode.Uri): string {
  const nonce = randomBytes(16).toString('base64');
  const script = webview.asWebviewUri(vscode.Uri.joinPath(dist, 'resolve.js')).toString();
  const style = webview.asWebviewUri(vscode.Uri.joinPath(dist, 'resolve-page.css')).toString();
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>Merge</title>
</head>
<body>
<main id="page"></main>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
