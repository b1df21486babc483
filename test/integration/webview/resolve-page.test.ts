import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConflictDetail, ConflictFileDetail, FileVersion } from '../../../extension/src/rpc/conflicts.ts';
import { fromPage, type FromPage, type ToPage } from '../../../extension/src/views/resolve-messages.ts';
import { launchBrowser } from '../../support/browser.ts';

/** The bundled resolution page in a real browser, with the page's own policy; the test speaks for the host. */

const root = resolve(import.meta.dirname, '../../..');
const results = join(root, 'test-results', 'webview');
const [MINE, BOBS] = ['a'.repeat(40), 'b'.repeat(40)];
const now = Math.floor(Date.now() / 1000);
const commit = (digit: string, subject: string, author: string, minutes: number) => ({
  oid: digit.repeat(40),
  subject,
  author,
  time: now - 60 * minutes,
});
const conflicting = (path: string, kinds: ConflictDetail['files'][number]['kinds'] = ['content']) => ({
  path,
  kinds,
  theirs: BOBS,
  related: [],
});
const detail: ConflictDetail = {
  kind: 'diverged',
  branch: 'main',
  bases: ['0'.repeat(40)],
  sides: [
    {
      tip: MINE,
      owners: [],
      mine: true,
      commits: [commit('1', 'Say hello in German', 'Ada', 3), commit('2', 'Count to four', 'Ada', 9)],
      moreCommits: false,
      changedFiles: 2,
    },
    {
      tip: BOBS,
      owners: ['Bob <b>x</b>'],
      mine: false,
      commits: [commit('3', 'Say hello in French <img src=x onerror=alert(1)>', 'Bob', 1)],
      moreCommits: true,
      changedFiles: 3,
    },
  ],
  outcome: 'conflicts',
  files: [
    conflicting('src/hello.ts'),
    conflicting('a/rather/deep/folder/with-a-name-that-is-much-longer-than-the-list-is-wide.ts'),
    conflicting('logo.png', ['binary']),
    { path: 'README.md', kinds: [], theirs: BOBS, related: [] },
  ],
  moreFiles: false,
  resolving: [{ name: 'Bob', since: 0 }],
};
const text = (value: string): FileVersion => ({ mode: '100644', bytes: value.length, kind: 'text', text: value });
const body = Array.from({ length: 30 }, (_, n) => `  unchanged line ${n};\n`).join('');
const files: Record<string, ConflictFileDetail> = {
  'src/hello.ts': {
    path: 'src/hello.ts',
    base: text(`say('hello');\n${body}count(3);\nend();\n`),
    mine: text(`say('guten Tag');\n${body}count(4);\nend();\n`),
    theirs: text(`say('bonjour');\n${body}count(3, 'twice');\nend();\n`),
  },
  [detail.files[1]!.path]: {
    path: detail.files[1]!.path,
    base: text('x\n'),
    mine: text('<script>alert(1)</script>\n'),
    theirs: text('z\n'),
  },
  'logo.png': {
    path: 'logo.png',
    base: { mode: '100644', bytes: 10, kind: 'binary' },
    mine: { mode: '100644', bytes: 12_345, kind: 'binary' },
    theirs: null,
  },
};
const THEMES = {
  light: { foreground: '#1f1f1f', background: '#ffffff', muted: '#6e6e6e', block: '#f3f3f3', list: '#d6ebff' },
  dark: { foreground: '#cccccc', background: '#1f1f1f', muted: '#9d9d9d', block: '#2b2b2b', list: '#04395e' },
};

let browser: Browser;
let page: Page;
let said: FromPage[];
let problems: string[];
beforeAll(async () => {
  mkdirSync(results, { recursive: true });
  browser = await launchBrowser();
});
afterAll(() => browser.close());
beforeEach(async () => {
  said = [];
  problems = [];
  await open('light');
});
afterEach(async () => {
  await page.close();
  // Nothing of what peers wrote ran or was fetched, and nothing broke.
  expect(problems).toEqual([]);
});

async function open(theme: keyof typeof THEMES): Promise<void> {
  page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('dialog', (dialog) => problems.push(`dialog: ${dialog.message()}`));
  const colors = THEMES[theme];
  const vars = `--vscode-foreground:${colors.foreground};--vscode-editor-background:${colors.background};
    --vscode-descriptionForeground:${colors.muted};--vscode-textCodeBlock-background:${colors.block};
    --vscode-textBlockQuote-background:${colors.block};--vscode-list-activeSelectionBackground:${colors.list};
    --vscode-list-activeSelectionForeground:${colors.foreground};--vscode-font-family:sans-serif;--vscode-font-size:13px;
    --vscode-button-background:#005fb8;--vscode-button-foreground:#fff;--vscode-button-secondaryBackground:${colors.block};
    --vscode-button-secondaryForeground:${colors.foreground};--vscode-focusBorder:#005fb8;--vscode-input-background:${colors.background};--vscode-settings-textInputBackground:${colors.block};
    --vscode-settings-textInputForeground:${colors.foreground};
    --vscode-input-foreground:${colors.foreground};--vscode-charts-yellow:#b08000;--vscode-charts-green:#388a34;
    --vscode-charts-blue:#1a85ff;--vscode-textLink-foreground:#005fb8;--vscode-list-hoverBackground:${colors.block}`;
  await page.exposeFunction('said', (message: unknown) => {
    const decoded = fromPage.parse(message);
    said.push(decoded);
    if (decoded.type === 'file') void tell({ type: 'file', theirs: BOBS, file: files[decoded.path]! });
  });
  const [script, style] = ['resolve.js', 'resolve-page.css'].map((name) =>
    readFileSync(join(root, 'dist', name), 'utf8'),
  );
  await page.route('http://page.test/**', (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === '/resolve.js') return route.fulfill({ contentType: 'text/javascript', body: script! });
    if (pathname === '/resolve.css') return route.fulfill({ contentType: 'text/css', body: style! });
    return route.fulfill({
      contentType: 'text/html',
      body: `<!DOCTYPE html><html><head><meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src http://page.test 'nonce-t'; script-src 'nonce-t'">
        <style nonce="t">html{background:${colors.background};${vars}}</style><link rel="stylesheet" href="/resolve.css">
        <script nonce="t">window.acquireVsCodeApi = () => ({ postMessage: (message) => window.said(message) });</script>
        </head><body><main id="page"></main><script nonce="t" src="/resolve.js"></script></body></html>`,
    });
  });
  await page.goto('http://page.test/');
}

const tell = (message: ToPage): Promise<void> => page.evaluate((data) => window.postMessage(data, '*'), message);
const show = async (): Promise<void> => {
  await tell({ type: 'conflict', repo: '/repos/demo', detail, draft: undefined, proposedMessage: 'Merge main of Bob' });
  await page.getByRole('heading', { name: 'main' }).waitFor();
  await page.locator('.region.here').waitFor();
};
const lastFinish = async (): Promise<Extract<FromPage, { type: 'finish' }>> => {
  await expect.poll(() => said.some(({ type }) => type === 'finish')).toBe(true);
  return said.findLast((message) => message.type === 'finish')!;
};

const canFinish = (): Promise<boolean> =>
  page.locator('vscode-button', { hasText: 'Finish' }).evaluate((button) => !button.hasAttribute('disabled'));

describe('[CO6] the resolution page', () => {
  it('is worked through with the keyboard alone, from the first conflict to Finish', async () => {
    await show();
    await page.screenshot({ path: join(results, 'resolve-light.png'), fullPage: true });
    expect(await canFinish()).toBe(false);
    await page.keyboard.press('1');
    await page.keyboard.press('2');
    await page.getByText('Result, ').waitFor();
    await page.keyboard.press('Shift+J');
    await page.locator('.region.here', { hasText: '<script>' }).waitFor();
    await page.keyboard.press('3');
    await page.keyboard.press('Shift+J');
    await page.getByRole('heading', { name: 'logo.png' }).waitFor();
    await page.getByRole('group', { name: 'The whole file' }).getByRole('button', { name: 'Mine' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(canFinish).toBe(true);
    await page.screenshot({ path: join(results, 'resolve-decided.png'), fullPage: true });
    await page.keyboard.press('Control+Enter');
    expect(await lastFinish()).toEqual({
      type: 'finish',
      tips: [MINE, BOBS],
      message: 'Merge main of Bob',
      files: [
        { path: 'src/hello.ts', use: 'text', text: `say('guten Tag');\n${body}count(3, 'twice');\nend();\n` },
        { path: detail.files[1]!.path, use: 'text', text: '<script>alert(1)</script>\nz\n' },
        { path: 'logo.png', use: 'side', tip: MINE },
      ],
    });
  });

  it('undoes and redoes each decision, and tells the host of every one', async () => {
    await show();
    await page.keyboard.press('1');
    await page.locator('.region.decided').first().waitFor();
    const drafts = (): number => said.filter(({ type }) => type === 'draft').length;
    await expect.poll(drafts).toBe(1);
    await page.keyboard.press('Control+z');
    await expect.poll(() => page.locator('.region.conflict.decided').count()).toBe(0);
    await page.keyboard.press('Control+Shift+Z');
    await expect.poll(() => page.locator('.region.conflict.decided').count()).toBe(1);
    await expect.poll(drafts).toBe(3);
  });

  it('takes what is typed, for a conflict and for the message', async () => {
    await show();
    await page.keyboard.press('e');
    await page.locator('textarea.edit').fill('say("both");\n');
    await page.locator('textarea.edit').press('Escape');
    await page.getByText('Mine').first().waitFor();
    await page.locator('vscode-textarea textarea').fill('Greet everybody');
    const saved = (): Extract<FromPage, { type: 'draft' }> | undefined =>
      said.findLast((message) => message.type === 'draft');
    // What the page says crosses to the test in a turn of its own.
    await expect.poll(() => saved()?.draft.message).toBe('Greet everybody');
    expect(JSON.stringify(saved()?.draft.files)).toContain('say(\\"both\\")');
  });

  it('keeps everything when something fails, and says what; when the conflict is settled it ends', async () => {
    await show();
    await page.keyboard.press('1');
    await tell({ type: 'failed', message: 'The disk is full.' });
    await page.getByRole('alert').filter({ hasText: 'The disk is full.' }).waitFor();
    expect(await page.locator('.region.conflict.decided').count()).toBe(1);
    await tell({ type: 'settled', message: 'Bob has settled main.' });
    await page.getByText('Bob has settled main.').waitFor();
    expect(await page.getByRole('button', { name: 'Finish' }).count()).toBe(0);
  });

  it('shows a conflict of 20,000 lines', async () => {
    const long = Array.from({ length: 20_000 }, (_, n) => `line ${n} of many\n`);
    const changed = (at: number, what: string) => long.map((line, n) => (n === at ? what : line)).join('');
    files['src/hello.ts'] = {
      path: 'src/hello.ts',
      base: text(long.join('')),
      mine: text(changed(9_000, 'mine\n')),
      theirs: text(changed(9_000, 'theirs\n')),
    };
    await show();
    expect(await page.locator('.region').count()).toBe(1);
  });

  it('is readable in a dark theme and a narrow column', async () => {
    await page.close();
    await open('dark');
    await page.setViewportSize({ width: 640, height: 1000 });
    await show();
    await page.screenshot({ path: join(results, 'resolve-dark-narrow.png'), fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    expect(wide).toBe(false);
  });
});
