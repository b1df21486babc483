import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { until } from '../harness/until.ts';
import { commit, git, Stage } from './stage.ts';
import type { Workbench } from './workbench.ts';

/** Two people take `main` different ways, again and again, and settle it in every way that the editor has. Each step goes on where the last ended. */
describe('two people who settle what diverged', function () {
  this.bail(true);
  let stage: Stage;
  let ada: Workbench;
  let bea: Workbench;
  let adasFolder: string;
  let beasFolder: string;

  const theme = (name: string) => ({ settings: { 'workbench.colorTheme': name } });

  before(async () => {
    stage = await Stage.set();
    adasFolder = await stage.repository('loom');
    await commit(adasFolder, 'pattern.txt', pattern({}));
    beasFolder = join(stage.directory, 'beas-loom');
    git(stage.directory, 'clone', '-q', adasFolder, beasFolder);
    git(beasFolder, 'remote', 'remove', 'origin');
    ada = await stage.seat('Ada Lovelace', { folder: adasFolder, ...theme('Default Dark Modern') });
    bea = await stage.seat('Bea Ortiz', { folder: beasFolder, ...theme('Default Light Modern') });
  });

  after(() => stage.strike());

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await stage.photograph('failed-settling');
  });

  /** What is agreed on. */
  let woven: Lines = {};

  /** Both commit before they hear of each other; resolves to both tips when both see what came of it. */
  async function diverge(adas: Lines, beas: Lines): Promise<[string, string]> {
    const tips = await Promise.all([
      commit(adasFolder, 'pattern.txt', pattern({ ...woven, ...adas })),
      commit(beasFolder, 'pattern.txt', pattern({ ...woven, ...beas })),
    ]);
    for (const person of [ada, bea]) await person.status.filter({ hasText: '1 conflict' }).waitFor();
    return tips;
  }

  /** Both are at one commit that has both tips as parents and `lines`, and see nothing of the conflict any more. */
  async function settled(tips: readonly string[], lines: Lines): Promise<void> {
    await until(() => git(adasFolder, 'rev-parse', 'main') === git(beasFolder, 'rev-parse', 'main'));
    for (const person of [ada, bea]) {
      await person.status.filter({ hasText: '1 peer, in sync' }).waitFor();
      await person.row('↔').waitFor({ state: 'detached' });
    }
    const parents = git(adasFolder, 'show', '-s', '--format=%P', 'main').split(' ');
    assert.deepEqual(parents.sort(), [...tips].sort());
    for (const folder of [adasFolder, beasFolder]) assert.equal(git(folder, 'status', '--porcelain'), '');
    woven = { ...woven, ...lines };
    assert.equal(await readFile(join(beasFolder, 'pattern.txt'), 'utf8'), pattern(woven));
  }

  async function openPage(person: Workbench): Promise<Frame> {
    await person.command('Peerweave: Merge…');
    const page = await person.webview('.region.here');
    await page.locator('.region.conflict.open').first().waitFor();
    return page;
  }

  let tips: [string, string];

  it('sit at clones of one repository', async () => {
    for (const person of [ada, bea]) await person.showPeers();
    await ada.command('Peerweave: Share Workspace');
    await ada.notification('loom is shared').waitFor();
    await bea.command('Peerweave: Join Session…');
    await bea.quickInput.fill(await ada.readClipboard());
    await bea.page.keyboard.press('Enter');
    await bea.answerDialog('Link the Open Folder');
    await ada.row('wants to join').hover();
    await ada.row('wants to join').getByRole('button', { name: 'Allow' }).click();
    for (const person of [ada, bea]) {
      await person.status.filter({ hasText: '1 peer, in sync' }).waitFor();
      await person.command('Notifications: Clear All Notifications');
    }
  });

  it('[CO1] see on both sides that a branch diverged: in the tree, at the badge, in the status bar, and are told once', async () => {
    tips = await diverge({ 3: 'blue', 12: 'woven twice' }, { 3: 'green', 12: 'woven thrice' });
    for (const [person, other] of [
      [ada, 'Bea Ortiz'],
      [bea, 'Ada Lovelace'],
    ] as const) {
      await person.notification(`You and ${other} took main different ways`).waitFor();
      await person.row(`you ↔ ${other}`).waitFor();
      await person.row('pattern.txt').waitFor();
      await person.page.locator('.activitybar .badge-content', { hasText: '1' }).first().waitFor();
      await person.screenshot('70-diverged');
      await person.command('Notifications: Clear All Notifications');
    }
    assert.deepEqual([git(adasFolder, 'rev-parse', 'main'), git(beasFolder, 'rev-parse', 'main')], tips);
  });

  it('[CO5] see who is at it, and are warned before they do the same', async () => {
    await openPage(ada);
    await bea.row('Ada Lovelace is at it').waitFor();
    await bea.command('Peerweave: Merge…');
    await bea.dialog.filter({ hasText: 'Ada Lovelace is resolving main now.' }).waitFor();
    await bea.screenshot('71-somebody-is-at-it');
    await bea.answerDialog('Cancel');
    await ada.screenshot('71-page');
  });

  it('[CO6] settle it on the page by keyboard alone: nothing is touched before Finish, then both are at the merge', async () => {
    const page = await ada.webview('.region.here');
    await ada.page.keyboard.press('3');
    await page.locator('.region.conflict.decided').waitFor();
    await ada.page.keyboard.press('e');
    await page.locator('textarea.edit').waitFor();
    await write(ada, '12 woven five times\n');
    await ada.page.keyboard.press('Escape');
    await page.getByText('complete').waitFor();
    assert.equal(await readFile(join(adasFolder, 'pattern.txt'), 'utf8'), pattern({ 3: 'blue', 12: 'woven twice' }));
    await ada.screenshot('72-decided');
    await ada.page.keyboard.press('Control+Enter');
    await page.getByText('main is merged').waitFor();
    await ada.screenshot('73-finished');
    await settled(tips, { 3: 'blue\n3 green', 12: 'woven five times' });
    await bea.row('Ada Lovelace is at it').waitFor({ state: 'detached' });
    await ada.page.keyboard.press('Escape');
    await ada.page.locator('.tab', { hasText: 'Merge main' }).waitFor({ state: 'detached' });
  });

  it('[CO6] find what they decided again after a reload of the window, and cancel without a trace', async () => {
    tips = await diverge({ 5: 'red' }, { 5: 'yellow' });
    const before = await openPage(bea);
    await bea.page.keyboard.press('2');
    await before.locator('.region.conflict.decided').waitFor();
    await bea.page.keyboard.press('m');
    await write(bea, 'Yellow it is');
    await bea.hasStored('Yellow it is');
    await bea.page.reload();
    await bea.status.filter({ hasText: '1 conflict' }).waitFor();
    // The editor may have opened the page again already; it comes to the front then.
    await bea.command('Peerweave: Merge…');
    const after = await bea.webview('.region.conflict.decided');
    assert.equal(await after.locator('vscode-textarea textarea').inputValue(), 'Yellow it is');
    await after.locator('button[aria-pressed="true"]', { hasText: 'Ada Lovelace’s' }).waitFor();
    await bea.screenshot('74-after-reload');
    await after.locator('vscode-button', { hasText: 'Cancel' }).click();
    await bea.answerDialog('Discard Decisions');
    assert.equal(git(beasFolder, 'rev-parse', 'main'), tips[1]);
    assert.equal(git(beasFolder, 'status', '--porcelain'), '');
  });

  it('[D6] settle it by the lens over the lines that both changed', async () => {
    await openFile(ada, 'pattern.txt');
    await ada.lens('Bea Ortiz changed these lines').waitFor();
    await ada.screenshot('75-lens');
    await ada.lens('Take theirs').click();
    await ada.answerDialog('Take Theirs');
    await settled(tips, { 5: 'yellow' });
    await ada.lens('changed these lines').waitFor({ state: 'detached' });
  });

  it('[D6] settle it by markers in the file, and Complete Merge when none is left', async () => {
    tips = await diverge({ 7: 'wide' }, { 7: 'narrow' });
    await bea.command('Peerweave: Resolve With Markers');
    await bea.lens('Take both').waitFor();
    await bea.screenshot('76-markers');
    await bea.lens('Take both').click();
    await bea.lens('Complete merge').waitFor();
    await bea.page.keyboard.press('Control+S');
    await until(() => !readFileSync(join(beasFolder, 'pattern.txt'), 'utf8').includes('<<<<<<<'));
    await bea.lens('Complete merge').click();
    await settled(tips, { 7: 'narrow\n7 wide' });
    await bea.screenshot('77-complete');
  });

  it('[SY13] take back what moved their branch', async () => {
    const merge = git(beasFolder, 'rev-parse', 'main');
    await ada.command('Peerweave: Undo Last Sync');
    await ada.dialog.filter({ hasText: 'Undo: main moved forward?' }).waitFor();
    await ada.screenshot('78-undo');
    await ada.answerDialog('Undo');
    await until(() => git(adasFolder, 'rev-parse', 'main') === tips[0]);
    await until(() => readFileSync(join(adasFolder, 'pattern.txt'), 'utf8') === pattern({ ...woven, 7: 'wide' }));
    await ada.screenshot('79-undone');
    assert.equal(git(adasFolder, 'status', '--porcelain'), '');
    assert.equal(git(beasFolder, 'rev-parse', 'main'), merge);
  });
});

/** By number, what a line says instead. */
type Lines = Readonly<Record<number, string>>;

const pattern = (changes: Lines): string =>
  Array.from({ length: 16 }, (_, n) => `${n} ${changes[n] ?? 'plain'}\n`).join('');

async function openFile(person: Workbench, name: string): Promise<void> {
  await person.page.keyboard.press('Control+P');
  await person.quickInput.fill(name);
  await person.page.locator('.quick-input-list .monaco-list-row', { hasText: name }).first().waitFor();
  await person.page.keyboard.press('Enter');
}

/** Puts `text` in place of all that is in a field of a page. *Select All* comes back from the workbench when it suits it, so by other keys. */
async function write({ page }: Workbench, text: string): Promise<void> {
  await page.keyboard.press('Control+End');
  await page.keyboard.press('Control+Shift+Home');
  await page.keyboard.type(text);
}
