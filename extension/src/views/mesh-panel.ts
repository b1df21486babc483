import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { Disposable } from '../shared/disposable.ts';
import { isReady, type MeshUpdate } from './mesh-messages.ts';
import { meshPicture } from './mesh-picture.ts';
import { plain } from './plain-text.ts';
import type { SessionModel } from './session-model.ts';

/** The session map: who is linked with us, by which route. One panel a session; asking again brings it to the front. */
export class MeshPanels implements Disposable {
  private readonly model: SessionModel;
  private readonly dist: vscode.Uri;
  private readonly panels = new Map<string, vscode.WebviewPanel>();
  private readonly subscription: Disposable;

  /** `dist` holds the page's bundle. */
  constructor(model: SessionModel, dist: vscode.Uri) {
    this.model = model;
    this.dist = dist;
    this.subscription = model.onDidChange(() => {
      for (const [repo, panel] of this.panels) this.draw(repo, panel);
    });
  }

  show(repo: string): void {
    const open = this.panels.get(repo);
    if (open !== undefined) {
      open.reveal();
      return;
    }
    const name = plain(this.model.session(repo)?.repoName ?? '');
    const panel = vscode.window.createWebviewPanel('peerweave.map', `Session Map: ${name}`, vscode.ViewColumn.Active, {
      enableScripts: true,
      localResourceRoots: [this.dist],
    });
    this.panels.set(repo, panel);
    panel.onDidDispose(() => this.panels.delete(repo));
    panel.webview.onDidReceiveMessage((message: unknown) => {
      if (isReady(message)) this.draw(repo, panel);
    });
    panel.webview.html = page(panel.webview, this.dist);
  }

  dispose(): void {
    this.subscription.dispose();
    for (const panel of this.panels.values()) panel.dispose();
  }

  private draw(repo: string, panel: vscode.WebviewPanel): void {
    const session = this.model.session(repo);
    const update: MeshUpdate = { type: 'picture', picture: session === undefined ? null : meshPicture(session) };
    void panel.webview.postMessage(update);
  }
}

/** No inline code, no network: only our script, by nonce, and our style sheet. */
function page(webview: vscode.Webview, dist: vscode.Uri): string {
  const nonce = randomBytes(16).toString('base64');
  const script = webview.asWebviewUri(vscode.Uri.joinPath(dist, 'mesh.js')).toString();
  const style = webview.asWebviewUri(vscode.Uri.joinPath(dist, 'mesh.css')).toString();
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'">
<link rel="stylesheet" href="${style}">
<title>Session Map</title>
</head>
<body>
<main id="map"></main>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
