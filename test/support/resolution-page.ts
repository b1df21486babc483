import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { messageOf } from '../../extension/src/shared/errors.ts';
import { fromPage, type FromPage, type PageMemory, type ToPage } from '../../extension/src/views/resolve-messages.ts';
import { themeStyle, type ThemeName } from './themes.ts';

const dist = join(resolve(import.meta.dirname, '../..'), 'dist');

export interface ResolutionPageOptions {
  readonly theme?: ThemeName;
  readonly width?: number;
  readonly height?: number;
  /** What an editor that starts again gives back to the page. */
  readonly memory?: PageMemory;
  /** Answers what the page says, as its host in the editor does. */
  readonly answer?: (said: FromPage, tell: (message: ToPage) => Promise<void>) => void;
  /** A host that is a script of the page itself and sets `acquireVsCodeApi`: nothing crosses to this process. */
  readonly script?: string;
}

/** The bundled resolution page in a real browser, under the policy that the editor gives it; whoever opens it speaks for the host. */
export class ResolutionPage {
  readonly page: Page;
  /** What the page said, decoded as the host decodes it. */
  readonly said: FromPage[] = [];
  /** What went wrong in the page: errors, what its policy refused, dialogs that something opened. */
  readonly problems: string[] = [];
  /** What the page left with the editor. */
  memory: PageMemory | undefined;

  private constructor(page: Page) {
    this.page = page;
  }

  static async open(browser: Browser, options: ResolutionPageOptions = {}): Promise<ResolutionPage> {
    const { width = 1100, height = 820 } = options;
    const opened = new ResolutionPage(await browser.newPage({ viewport: { width, height } }));
    await opened.load(options);
    return opened;
  }

  /** The host says something. */
  readonly tell = (message: ToPage): Promise<void> =>
    this.page.evaluate((data) => window.postMessage(data, '*'), message);

  /** It answers what the page said; the page may be closed by then. */
  private readonly reply = async (message: ToPage): Promise<void> => {
    try {
      await this.tell(message);
    } catch (error) {
      if (!messageOf(error).includes('has been closed')) throw error;
    }
  };

  private async load({ theme = 'light', memory, answer, script: host }: ResolutionPageOptions): Promise<void> {
    const { page, problems } = this;
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('dialog', (dialog) => problems.push(`dialog: ${dialog.message()}`));
    await page.exposeFunction('said', (message: unknown) => {
      const decoded = fromPage.parse(message);
      this.said.push(decoded);
      answer?.(decoded, this.reply);
    });
    await page.exposeFunction('remembered', (kept: PageMemory) => (this.memory = kept));
    const [script, style] = ['resolve.js', 'resolve-page.css'].map((name) => readFileSync(join(dist, name), 'utf8'));
    const body = documentOf(theme);
    const hosting = host ?? hostScript(memory);
    await page.route('http://page.test/**', (route) => {
      const { pathname } = new URL(route.request().url());
      if (pathname === '/host.js') return route.fulfill({ contentType: 'text/javascript', body: hosting });
      if (pathname === '/resolve.js') return route.fulfill({ contentType: 'text/javascript', body: script! });
      if (pathname === '/resolve.css') return route.fulfill({ contentType: 'text/css', body: style! });
      return route.fulfill({ contentType: 'text/html', body });
    });
    await page.goto('http://page.test/');
  }
}

/** Tells this process what the page says. */
const hostScript = (memory: PageMemory | undefined): string =>
  `window.acquireVsCodeApi = () => ({
    postMessage: (message) => window.said(message),
    getState: () => (${JSON.stringify(memory ?? null)}) ?? undefined,
    setState: (memory) => window.remembered(memory),
  });`;

/** As the editor makes it, and with what the editor puts into every page: its colours and its API. */
const documentOf = (theme: ThemeName): string =>
  `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src http://page.test 'nonce-t'; script-src 'nonce-t'">
    <style nonce="t">${themeStyle(theme)}</style><link rel="stylesheet" href="/resolve.css">
    <script nonce="t" src="/host.js"></script>
    </head><body class="${theme === 'contrast' ? 'vscode-high-contrast' : `vscode-${theme}`}"><main id="page"></main>
    <script nonce="t" src="/resolve.js"></script></body></html>`;
