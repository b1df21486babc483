import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConflictDetail, ConflictFileDetail } from '../../../extension/src/rpc/conflicts.ts';
import type { FromPage, ToPage } from '../../../extension/src/views/resolve-messages.ts';
import { launchBrowser } from '../../support/browser.ts';
import { conflictOf, diverged, MINE, text, THEIRS, someFiles, type Versions } from '../../support/divergence.ts';
import { ResolutionPage, type ResolutionPageOptions } from '../../support/resolution-page.ts';

/** The bundled resolution page in a real browser, with the page's own policy; the test speaks for the host. */

const results = join(resolve(import.meta.dirname, '../../..'), 'test-results', 'webview');
const [BOBS, CYS] = THEIRS;

let browser: Browser;
let opened: ResolutionPage;
let page: Page;
let files: Record<string, Versions>;
beforeAll(async () => {
  mkdirSync(results, { recursive: true });
  browser = await launchBrowser();
});
afterAll(() => browser.close());
beforeEach(() => {
  files = { ...someFiles };
});
afterEach(async () => {
  await page.close();
  // Nothing of what peers wrote ran or was fetched, and nothing broke.
  expect(opened.problems).toEqual([]);
});

async function open(options: ResolutionPageOptions = {}): Promise<void> {
  opened = await ResolutionPage.open(browser, {
    answer: (said, tell) => {
      if (said.type !== 'file') return;
      const found = files[said.path];
      if (found !== undefined)
        void tell({ type: 'file', theirs: said.theirs, file: fileFor(said.path, said.theirs, found) });
    },
    ...options,
  });
  page = opened.page;
}

const fileFor = (path: string, theirs: string, { base, mine, others }: Versions): ConflictFileDetail => ({
  path,
  base,
  mine,
  theirs: others[theirs] ?? others[BOBS] ?? null,
});

const tell = (message: ToPage): Promise<void> => opened.tell(message);

async function show(detail: ConflictDetail = diverged, options: ResolutionPageOptions = {}): Promise<void> {
  await open(options);
  await tellConflict(detail);
  await page.locator('.region.here').waitFor();
}
const tellConflict = (detail: ConflictDetail): Promise<void> =>
  tell({ type: 'conflict', repo: '/repos/demo', detail, draft: undefined, proposedMessage: 'Merge main of Bob' });

const lastFinish = async (): Promise<Extract<FromPage, { type: 'finish' }>> => {
  await expect.poll(() => opened.said.some(({ type }) => type === 'finish')).toBe(true);
  return opened.said.findLast((message) => message.type === 'finish')!;
};
const lastDraft = (): Extract<FromPage, { type: 'draft' }> | undefined =>
  opened.said.findLast((message) => message.type === 'draft');
const drafts = (): number => opened.said.filter(({ type }) => type === 'draft').length;
const canFinish = (): Promise<boolean> =>
  page.locator('vscode-button', { hasText: 'Finish' }).evaluate((button) => !button.hasAttribute('disabled'));
const decidedConflicts = (): Promise<number> => page.locator('.region.conflict.decided').count();
const shot = (name: string): Promise<Buffer> => page.screenshot({ path: join(results, `${name}.png`) });
const press = async (...keys: string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key);
};

describe('[CO6] the resolution page', () => {
  it('is worked through with the keyboard alone, from the first conflict to Finish', async () => {
    await show();
    await shot('resolve-light');
    expect(await canFinish()).toBe(false);
    await press('1', '2');
    await page.getByText('complete').waitFor();
    await press('Shift+J');
    await page.locator('.region.here', { hasText: '<script>' }).waitFor();
    await press('3', 'n');
    await page.getByText('This file is decided as a whole.').waitFor();
    await shot('resolve-binary');
    await press('1', 'n');
    await page.getByRole('button', { name: 'Delete it, as Bob <b>x</b> did' }).waitFor();
    await shot('resolve-modify-delete');
    await press('2');
    await expect.poll(canFinish).toBe(true);
    await shot('resolve-decided');
    await press('Control+Enter');
    expect(await lastFinish()).toEqual({
      type: 'finish',
      tips: [MINE, BOBS],
      message: 'Merge main of Bob',
      files: [
        { path: 'src/greeting.ts', use: 'text', text: resultOf('count(4);', `count(3, 'twice');`) },
        { path: diverged.files[1]!.path, use: 'text', text: '<script>alert(1)</script>\nz\n' },
        { path: 'media/logo.png', use: 'side', tip: MINE },
        { path: 'docs/old.md', use: 'side', tip: BOBS },
      ],
    });
  });

  /** What we have, with one thing of theirs. */
  const resultOf = (mine: string, theirs: string): string =>
    (someFiles['src/greeting.ts']?.mine?.text ?? '').replace(mine, theirs);

  it('shows the result while it comes about, and where it is open', async () => {
    await show();
    const result = page.getByRole('region', { name: 'Result' });
    await expect.poll(() => result.getByText('not decided yet').count()).toBe(2);
    await press('2');
    await result.getByText("say('bonjour');").waitFor();
    await expect.poll(() => result.getByText('not decided yet').count()).toBe(1);
  });

  it('undoes and redoes each decision, takes back one, and tells the host of every step', async () => {
    await show();
    await press('1');
    await expect.poll(decidedConflicts).toBe(1);
    await expect.poll(drafts).toBe(1);
    await press('Control+z');
    await expect.poll(decidedConflicts).toBe(0);
    await press('Control+Shift+Z');
    await expect.poll(decidedConflicts).toBe(1);
    await press('k', 'Backspace');
    await expect.poll(decidedConflicts).toBe(0);
    await expect.poll(drafts).toBe(4);
  });

  it('takes what is typed, for a conflict and for the message; what was typed is undone at once', async () => {
    await show();
    await press('e');
    await page.keyboard.press('Control+a');
    await page.keyboard.type("say('both');\n");
    await page.keyboard.press('Escape');
    await page.getByRole('region', { name: 'Result' }).getByText("say('both');").waitFor();
    await press('m');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('Greet everybody');
    // What the page says crosses to the test in a turn of its own.
    await expect.poll(() => lastDraft()?.draft.message).toBe('Greet everybody');
    expect(JSON.stringify(lastDraft()?.draft.files)).toContain("say('both');\\n");
    await press('Escape', 'Control+z');
    await expect.poll(() => page.locator('textarea.edit').inputValue()).toContain('guten Tag');
  });

  it('keeps everything when something fails, and says what; when the conflict is settled it ends', async () => {
    await show();
    await press('1');
    await tell({ type: 'failed', message: 'The disk is full.' });
    await page.getByRole('alert').filter({ hasText: 'The disk is full.' }).waitFor();
    expect(await decidedConflicts()).toBe(1);
    await tell({ type: 'settled', message: 'Bob has settled main.' });
    await page.getByText('Bob has settled main.').waitFor();
    await shot('resolve-settled');
    expect(await page.locator('vscode-button', { hasText: 'Finish' }).count()).toBe(0);
    await press('Enter');
    await expect.poll(() => opened.said.at(-1)?.type).toBe('cancel');
  });

  it('says which file could not be read, and tries again', async () => {
    delete files['src/greeting.ts'];
    await open();
    await tellConflict(diverged);
    await tell({ type: 'failed', message: 'It is not here.', path: 'src/greeting.ts', theirs: BOBS });
    await page.getByRole('alert').filter({ hasText: 'It is not here.' }).waitFor();
    files = { ...someFiles };
    await page.getByRole('button', { name: 'Try Again' }).click();
    await page.locator('.region.here').waitFor();
  });

  it('offers to go on when a peer pushes, and reuses what was decided', async () => {
    await show();
    await press('1', '1');
    const pushed = { ...diverged, sides: [diverged.sides[0]!, { ...diverged.sides[1]!, tip: CYS }] };
    const theirs = { ...pushed, files: diverged.files.map((file) => ({ ...file, theirs: CYS })) };
    const greeting = someFiles['src/greeting.ts']!;
    const other = text((greeting.others[BOBS]?.text ?? '').replace(`count(3, 'twice')`, `count(30)`));
    files['src/greeting.ts'] = { ...greeting, others: { [CYS]: other } };
    await tellConflict(theirs);
    await page.getByRole('alert').filter({ hasText: 'main has moved' }).waitFor();
    await shot('resolve-offer');
    expect(await decidedConflicts()).toBe(2);
    await press('r');
    await page.getByText('What you decided is kept').waitFor();
    await expect.poll(decidedConflicts).toBe(1);
    await press('2');
    await expect.poll(decidedConflicts).toBe(2);
  });

  it('goes on where it was when the editor starts again', async () => {
    await show();
    await press('j', 'j');
    await expect.poll(() => opened.memory?.cursor).toBeDefined();
    const { memory } = opened;
    expect(memory).toMatchObject({ repo: '/repos/demo', branch: 'main', selected: 'src/greeting.ts' });
    const line = await page.locator('.region.here h3').innerText();
    await page.close();
    await show(diverged, { memory: memory! });
    expect(await page.locator('.region.here h3').innerText()).toBe(line);
  });

  it('shows more than two sides: one file against each of them, one after the other', async () => {
    await show(conflictOf(['src/greeting.ts'], [BOBS, CYS]), { theme: 'dark', height: 900 });
    await page.getByRole('heading', { name: '1 of 2: yours with' }).waitFor();
    await press('3', '3');
    await page.getByRole('heading', { name: '2 of 2: what you have so far with Cy' }).waitFor();
    await shot('resolve-three-sides-dark');
    await press('1', '1');
    await press('Control+Enter');
    const finish = await lastFinish();
    expect(finish.tips).toEqual([MINE, BOBS, CYS]);
    expect(finish.files).toHaveLength(1);
  });

  it('has a label for everything that can be pressed, and tells what is current', async () => {
    await show();
    const unnamed = await page.evaluate(() =>
      [...document.querySelectorAll('button, article, textarea, [tabindex]')]
        .filter((each) => each.tagName !== 'DIV' || each.hasAttribute('role'))
        .filter((each) => (each.getAttribute('aria-label') ?? each.textContent).trim() === '')
        .map((each) => each.outerHTML.slice(0, 100)),
    );
    expect(unnamed).toEqual([]);
    expect(await page.locator('article[aria-current="true"]').getAttribute('aria-label')).toMatch(/differently.*open/);
    expect(await page.locator('svg.graph').getAttribute('aria-label')).toContain('Say hello in French');
  });
});

describe('[CO6] a large file on the resolution page', () => {
  const long = Array.from({ length: 20_000 }, (_, n) => `line ${n} of many\n`);
  const changed = (every: number, what: string): string =>
    long.map((line, n) => (n % every === 500 ? `${what} ${line}` : line)).join('');

  it('of 20,000 lines is shown by its one conflict', async () => {
    files['src/greeting.ts'] = {
      base: text(long.join('')),
      mine: text(changed(20_000, 'mine')),
      others: { [BOBS]: text(changed(20_000, 'theirs')) },
    };
    await show();
    expect(await page.locator('.region').count()).toBe(1);
    await press('1');
    await page.getByRole('region', { name: 'Result' }).getByText('mine line 500 of many').waitFor();
    await page.getByRole('button', { name: 'unchanged lines' }).first().click();
    await page.locator('.regions .same', { hasText: 'line 42 of many' }).waitFor();
  });

  it('with 1,000 conflicts is drawn near where the person is, and worked through by keys', async () => {
    files['src/greeting.ts'] = {
      base: text(long.join('')),
      mine: text(changed(20, 'mine').replaceAll('line 1', 'mine 1')),
      others: { [BOBS]: text(changed(20, 'theirs').replaceAll('line 1', 'theirs 1')) },
    };
    await show();
    expect(await page.locator('.region .sides').count()).toBeLessThan(60);
    await press('1', '2', '3', 'k', 'k');
    await expect.poll(decidedConflicts).toBe(3);
  });
});

describe('the look of the resolution page', () => {
  it.each(['dark', 'contrast'] as const)('%s, and in a narrow column', async (theme) => {
    await show({ ...diverged, resolving: [{ name: 'Bob', since: 0 }] }, { theme });
    await press('1');
    await shot(`resolve-${theme}`);
    await page.setViewportSize({ width: 600, height: 1000 });
    await shot(`resolve-${theme}-narrow`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    expect(wide).toBe(false);
  });
});
