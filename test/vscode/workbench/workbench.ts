import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContext, Frame, Locator, Page } from 'playwright-core';
import { resultsDirectory } from '../harness/paths.ts';
import { personEnvironment } from '../harness/person.ts';
import { startVscodeServer, type VscodeServer } from '../harness/vscode-server.ts';
import { installExtension } from '../harness/vsix.ts';
import { workbenchUrl } from '../harness/workbench-url.ts';

export interface WorkbenchOptions {
  /** The person, as git and peers know them. */
  readonly name: string;
  /** Holds this person's home, settings and server. */
  readonly directory: string;
  readonly vsix: string;
  /** Folder to open; an empty window without. */
  readonly folder?: string;
  readonly askForTrust?: boolean;
  readonly settings?: Record<string, unknown>;
}

/** Quiet surroundings: nothing that steals the focus or covers what is looked at. */
const SETTINGS = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'security.workspace.trust.startupPrompt': 'never',
  'window.commandCenter': false,
  'git.openRepositoryInParentFolders': 'never',
};

/** Milliseconds that a tooltip takes to come on a busy machine, and how often it is asked for. */
const TOOLTIP_MS = 5_000;
const TOOLTIP_TRIES = 6;

/** One person at a full VS Code in a browser: a server, an installed extension and a page of their own. */
export class Workbench {
  readonly page: Page;
  private readonly server: VscodeServer;
  private readonly context: BrowserContext;
  private readonly name: string;

  private constructor(name: string, server: VscodeServer, context: BrowserContext, page: Page) {
    this.name = name;
    this.server = server;
    this.context = context;
    this.page = page;
  }

  static async open(browser: Browser, options: WorkbenchOptions): Promise<Workbench> {
    const { name, directory, vsix, folder } = options;
    const dataDirectory = join(directory, 'server');
    await installExtension(vsix, dataDirectory);
    const env = await personEnvironment(name, join(directory, 'home'));
    const settings = { ...SETTINGS, 'git.defaultCloneDirectory': directory, ...options.settings };
    const server = await startVscodeServer({ dataDirectory, env, settings, askForTrust: options.askForTrust ?? false });
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const workbench = new Workbench(name, server, context, await context.newPage());
    try {
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      await workbench.page.goto(workbenchUrl({ port: server.port, folder }));
      // The workbench draws itself first and learns of its extensions afterwards.
      await workbench.page.locator('.activitybar a[aria-label="Peerweave"]').waitFor();
    } catch (error) {
      await workbench.close();
      throw error;
    }
    return workbench;
  }

  /** Leaves the desk; leaving twice is harmless. */
  async close(): Promise<void> {
    await this.context.close();
    await this.server.stop();
  }

  /**
   * Runs a command by its title in the palette, with the keyboard alone. A page that opens just then takes the focus, and the palette
   * goes; a person opens it again.
   */
  async command(title: string): Promise<void> {
    const offered = this.page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first();
    for (let tries = 1; ; tries++) {
      await this.page.keyboard.press('F1');
      try {
        await this.quickInput.fill(`>${title}`, { timeout: 10_000 });
        await offered.waitFor({ timeout: 10_000 });
        break;
      } catch (error) {
        const open = await this.quickInput.isVisible();
        if (open || tries === 3) throw error;
      }
    }
    await this.page.keyboard.press('Enter');
  }

  get quickInput(): Locator {
    return this.page.locator('.quick-input-widget:visible input').first();
  }

  /** The titles that the palette offers for `text`. */
  async offeredCommands(text: string): Promise<string[]> {
    await this.page.keyboard.press('F1');
    await this.quickInput.fill(`>${text}`);
    await this.page.locator('.quick-input-list .monaco-list-row').first().waitFor();
    const titles = await this.page.locator('.quick-input-list .monaco-list-row').allInnerTexts();
    await this.page.keyboard.press('Escape');
    return titles;
  }

  get status(): Locator {
    return this.page.locator('.statusbar-item[id*="peerweave.status"]');
  }

  async showPeers(): Promise<void> {
    await this.command('View: Show Peerweave');
    await this.page.locator('.sidebar .composite.title', { hasText: 'Peerweave' }).waitFor();
  }

  row(text: string | RegExp): Locator {
    return this.page.locator('.sidebar .monaco-list-row', { hasText: text });
  }

  /** Opens the tooltip of a row with the keyboard, and waits until it says `text`. VS Code closes one whose row changes: then again. */
  async showDetails(row: string, text: string): Promise<void> {
    const tooltip = this.page.locator('.monaco-hover', { hasText: text });
    for (let tries = 1; ; tries++) {
      await this.row(row).click();
      await this.page.keyboard.press('Control+K');
      await this.page.keyboard.press('Control+I');
      try {
        return await tooltip.waitFor({ timeout: TOOLTIP_MS });
      } catch (error) {
        if (tries === TOOLTIP_TRIES) throw error;
      }
    }
  }

  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-list-item', { hasText: text });
  }

  /** What stands over lines of the open file. */
  lens(text: string): Locator {
    return this.page.locator('.codelens-decoration :is(a, span)', { hasText: text }).first();
  }

  /** The modal dialog. */
  get dialog(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  async answerDialog(button: string): Promise<void> {
    await this.dialog.getByRole('button', { name: button, exact: true }).click();
    await this.dialog.waitFor({ state: 'hidden' });
  }

  /** The frame of the webview that shows `selector`; frames come and go while it loads. */
  async webview(selector: string): Promise<Frame> {
    for (;;) {
      for (const frame of this.page.frames()) {
        if (
          (await frame
            .locator(selector)
            .count()
            .catch(() => 0)) > 0
        )
          return frame;
      }
      await this.page.waitForEvent('framenavigated', { timeout: 1_000 }).catch(() => undefined);
    }
  }

  readClipboard(): Promise<string> {
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  /** Resolves when the editor has written `text` to where it finds it after a reload: it does that when it suits it. */
  async hasStored(text: string): Promise<void> {
    // Not `waitForFunction`, which takes the promise itself for an answer.
    for (let tries = 0; !(await this.page.evaluate(isStored, text)); tries++) {
      if (tries === 100) throw new Error(`The editor has not stored ${text}.`);
      await this.page.waitForTimeout(100);
    }
  }

  /** Saves what is on the screen as `test-results/vscode/<step>-<name>.png`. */
  async screenshot(step: string): Promise<void> {
    const directory = join(resultsDirectory, 'vscode');
    await mkdir(directory, { recursive: true });
    // Whatever fades in or out is at its end in the picture.
    const animations = 'disabled';
    await this.page.screenshot({
      animations,
      path: join(directory, `${step}-${this.name.split(' ')[0]?.toLowerCase()}.png`),
    });
  }
}

/** Runs in the browser: looks through all that the page's databases hold. */
async function isStored(text: string): Promise<boolean> {
  const done = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(new Error(String(request.error)));
    });
  for (const { name } of await indexedDB.databases()) {
    const database = await done(indexedDB.open(name ?? ''));
    try {
      for (const store of database.objectStoreNames) {
        const values = await done(database.transaction(store).objectStore(store).getAll());
        if (JSON.stringify(values).includes(text)) return true;
      }
    } finally {
      database.close();
    }
  }
  return false;
}
