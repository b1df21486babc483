import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../harness/until.ts';
import { commit, git, Stage } from './stage.ts';
import type { Workbench } from './workbench.ts';

/** Two people whose branches went different ways, settled in the views; each step goes on where the one before ended. */
describe('conflicts in the editor', function () {
  this.bail(true);
  let stage: Stage;
  let ada: Workbench;
  let cy: Workbench;
  let adasFolder: string;
  let cysFolder: string;

  before(async () => {
    stage = await Stage.set();
    adasFolder = await stage.repository('weaving');
    await commit(adasFolder, 'loom.txt', 'warp\nweft\nshuttle\n');
    cysFolder = join(stage.directory, 'cys-clone');
    git(stage.directory, 'clone', '-q', adasFolder, cysFolder);
    git(cysFolder, 'remote', 'remove', 'origin');
    ada = await stage.seat('Ada Lovelace', { folder: adasFolder });
    await ada.showPeers();
    await ada.command('Peerweave: Share Workspace');
    await ada.notification('is shared').waitFor();
    const invite = await ada.readClipboard();
    cy = await stage.seat('Cy Twombly', {
      folder: cysFolder,
      settings: { 'workbench.colorTheme': 'Default Dark Modern' },
    });
    await cy.showPeers();
    await cy.command('Peerweave: Join Session…');
    await cy.quickInput.fill(invite);
    await cy.page.keyboard.press('Enter');
    await cy.answerDialog('Link the Open Folder');
    await ada.row('wants to join').hover();
    await ada.row('wants to join').getByRole('button', { name: 'Allow' }).click();
    await cy.status.filter({ hasText: '1 peer, in sync' }).waitFor();
    for (const person of [ada, cy]) await person.command('Notifications: Clear All Notifications');
  });

  after(() => stage.strike());

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await stage.photograph('failed-conflicts');
  });

  const tips = (): string[] => [adasFolder, cysFolder].map((folder) => git(folder, 'rev-parse', 'main'));
  const notices = (person: Workbench): Promise<number> => person.notification('different ways').count();

  it('says that there are none, and what would be', async () => {
    await cy.page.getByText('No conflicts.').waitFor();
    await cy.screenshot('40-none');
  });

  it('[CO1] shows who has what, which files are to settle, and tells of it once', async () => {
    await commit(adasFolder, 'pattern.txt', 'diamonds\n');
    await until(() => tips()[0] === tips()[1]);
    await diverge('loom.txt', 'loom.txt', ['warp\nweft of Ada\nshuttle\n', 'warp\nweft of Cy\nshuttle\n']);
    await ada.row(/main.*you ↔ Cy Twombly.*1 file/).waitFor();
    await ada.row(/loom\.txt.*both changed it/).waitFor();
    await cy.row(/main.*you ↔ Ada Lovelace/).waitFor();
    await ada.notification('You and Cy Twombly took main different ways').waitFor();
    await ada.status.filter({ hasText: '1 conflict' }).waitFor();
    await ada.page.locator('.activitybar .badge-content', { hasText: '1' }).first().waitFor();
    await ada.screenshot('41-conflict');
    await cy.screenshot('41-conflict');
  });

  it('[ED3] does not tell again when a side goes on', async () => {
    await commit(cysFolder, 'dye.txt', 'indigo\n');
    await ada.row(/Cy Twombly.*2 commits/).waitFor();
    assert.equal(await notices(ada), 1);
    await ada.row(/Cy Twombly.*2 commits/).click();
    await ada.page.keyboard.press('ArrowRight');
    await ada.row('Add dye.txt').waitFor();
    await ada.screenshot('42-side');
  });

  it('compares a file by the keyboard, and a whole side', async () => {
    await ada.row(/loom\.txt.*both changed it/).click();
    await ada.page.locator('.tab', { hasText: 'loom.txt: Cy Twombly ↔ you' }).waitFor();
    await ada.page
      .locator('.view-line', { hasText: /weft\sof\sCy/ })
      .first()
      .waitFor();
    await ada.screenshot('43-compare-file');
    await ada.command('View: Close All Editors');
    await cy.row(/main.*↔/).click();
    await cy.page.keyboard.press('Shift+F10');
    await cy.page.locator('.monaco-menu').getByText('Take Theirs').waitFor();
    await cy.screenshot('44-menu');
    // By the keyboard: a menu does not hear a click until a tenth of a second after it is there.
    await cy.page.locator('.monaco-menu').getByText('Compare').hover();
    await cy.page.keyboard.press('Enter');
    await cy.page.locator('.tab', { hasText: 'main: Ada Lovelace ↔ you' }).waitFor();
    await cy.page.locator('.multiDiffEntry', { hasText: 'loom.txt' }).first().waitFor();
    await cy.screenshot('44-compare-side');
    await cy.command('View: Close All Editors');
  });

  it('[CO5] Take Theirs asks, and settles it for everybody', async () => {
    const before = tips();
    await cy.command('Peerweave: Take Theirs');
    await cy.dialog.filter({ hasText: 'Take main as Ada Lovelace has it?' }).waitFor();
    await cy.screenshot('45-take-theirs');
    await cy.answerDialog('Take Theirs');
    await until(() => tips()[0] === tips()[1] && tips()[0] !== before[0]);
    assert.equal(readFileSync(join(cysFolder, 'loom.txt'), 'utf8'), 'warp\nweft of Ada\nshuttle\n');
    assert.deepEqual(git(cysFolder, 'rev-parse', 'HEAD^1', 'HEAD^2').split('\n').sort(), [...before].sort());
    await ada.page.getByText('No conflicts.').waitFor();
    await cy.page.getByText('No conflicts.').waitFor();
    await cy.status.filter({ hasText: 'in sync' }).waitFor();
  });

  it('[SY13] is undone in the Activity view', async () => {
    const [, settled] = tips();
    await cy.command('Peerweave: Focus on Activity View');
    const row = cy.row('main was settled');
    await row.waitFor();
    await row.hover();
    await cy.screenshot('46-activity');
    await row.getByRole('button', { name: 'Undo' }).click();
    await cy.dialog.filter({ hasText: 'Undo: main was settled?' }).waitFor();
    await cy.screenshot('47-undo');
    await cy.answerDialog('Undo');
    await until(() => tips()[1] !== settled);
    assert.equal(readFileSync(join(cysFolder, 'loom.txt'), 'utf8'), 'warp\nweft of Cy\nshuttle\n');
    await cy.row('main was put back').waitFor();
    await cy.row(/undone/).waitFor();
    await cy.screenshot('48-undone');
  });

  it('Keep Both gives ours a branch of its own', async () => {
    // Back to what Ada has, as a person does who thinks better of it.
    git(cysFolder, 'reset', '-q', '--hard', git(adasFolder, 'rev-parse', 'main'));
    await cy.status.filter({ hasText: 'in sync' }).waitFor();
    const [adas, cys] = await diverge('rug.txt');
    await cy.row(/main.*you ↔ Ada Lovelace/).waitFor();
    await cy.command('Peerweave: Keep Both…');
    await cy.quickInput.fill('main..cy');
    await cy.page.getByText('neither ".." nor').waitFor();
    await cy.screenshot('49-keep-both');
    await cy.quickInput.fill('main-cy');
    await cy.page.keyboard.press('Enter');
    // main moves first: ours is kept until it has its own branch.
    await until(() => git(cysFolder, 'for-each-ref', '--format=%(objectname)', 'refs/heads/main-cy') === cys);
    assert.equal(tips()[1], adas);
    await cy.page.getByText('No conflicts.').waitFor();
  });

  it('Rebase Mine Onto… makes our commits anew on top of theirs', async () => {
    const [adas, cys] = await diverge('fringe.txt', 'hem.txt');
    await cy.row(/main.*merges by itself/).waitFor();
    await cy.command('Peerweave: Rebase Mine Onto…');
    await cy.dialog.filter({ hasText: 'Rebase your main onto Ada Lovelace?' }).waitFor();
    await cy.answerDialog('Rebase');
    await until(() => tips()[0] === tips()[1] && tips()[1] !== adas);
    assert.equal(git(cysFolder, 'rev-parse', 'main^'), adas);
    assert.notEqual(git(cysFolder, 'rev-parse', 'main'), cys);
  });

  it("opens VS Code's merge editor on a merge that can be aborted, and completes one with markers", async () => {
    const before = await diverge('tassel.txt');
    await cy.row(/tassel\.txt.*both added it/).waitFor();
    await cy.command("Peerweave: Open in VS Code's Merge Editor");
    await cy.page
      .locator('.merge-editor .view-line', { hasText: /one\sway/ })
      .first()
      .waitFor();
    await cy.screenshot('49-merge-editor');
    await cy.command('View: Close All Editors');
    // Whether it asks the one or the other, or one after the other, depends on whether it has made a beginning of its own yet.
    const tab = cy.page.locator('.tab', { hasText: 'Merging' });
    for (let asked = 1, open = true; open; asked++) {
      await cy.dialog.getByRole('button', { name: /^(Don't Save|Close with Conflicts)$/ }).click();
      const closed = tab.waitFor({ state: 'detached', ...(asked === 1 ? { timeout: 3_000 } : {}) });
      open = await closed.then(
        () => false,
        (error: unknown) => {
          if (asked > 1) throw error;
          return true;
        },
      );
    }
    await cy.command('Peerweave: Abort Merge');
    await cy.answerDialog('Abort Merge');
    await until(() => git(cysFolder, 'status', '--porcelain') === '');
    assert.deepEqual(tips(), before);
    await cy.command('Peerweave: Resolve With Markers');
    await cy.page.locator('.view-line', { hasText: '<<<<<<<' }).first().waitFor();
    await cy.screenshot('49-markers');
    await cy.command('View: Close All Editors');
    await writeFile(join(cysFolder, 'tassel.txt'), 'both ways\n');
    await cy.command('Peerweave: Complete Merge');
    await until(() => tips()[0] === tips()[1]);
    assert.deepEqual(git(cysFolder, 'rev-parse', 'main^1', 'main^2').split('\n').sort(), [...before].sort());
    await cy.page.getByText('No conflicts.').waitFor();
  });

  it('[CO3] a strategy settles what merges cleanly, and nobody is told', async () => {
    for (const person of [ada, cy]) {
      await person.command('Notifications: Clear All Notifications');
      await person.command('Peerweave: Set Strategy…');
      await person.page.locator('.quick-input-list .monaco-list-row', { hasText: 'All Branches' }).click();
      await person.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Auto-Merge' }).waitFor();
      await person.screenshot('50-strategy');
      await person.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Auto-Merge' }).click();
    }
    await diverge('reed.txt', 'heddle.txt');
    await until(() => tips()[0] === tips()[1] && git(adasFolder, 'rev-list', '--merges', '-1', 'main') === tips()[0]);
    await cy.command('Peerweave: Focus on Activity View');
    await cy
      .row(/main (merged by itself|moved forward)/)
      .first()
      .waitFor();
    await cy.screenshot('51-merged');
    assert.equal(await notices(ada), 0);
  });

  it('[CO3] says why it waits where the files do not merge by themselves', async () => {
    await diverge('selvedge.txt');
    await ada.row(/Auto-Merge.*waits for you/).waitFor();
    await ada.notification('took main different ways').waitFor();
    await ada.screenshot('52-waits');
    await ada.command('Peerweave: Keep Mine');
    await ada.answerDialog('Keep Mine');
    await until(() => tips()[0] === tips()[1]);
  });

  it('[SY7] follows a peer who deleted a branch only when asked, and what it had can be restored', async () => {
    git(adasFolder, 'branch', 'looms');
    const tip = git(adasFolder, 'rev-parse', 'looms');
    await until(() => git(cysFolder, 'for-each-ref', 'refs/remotes/peers').includes('looms'));
    await until(() => git(cysFolder, 'for-each-ref', 'refs/heads/looms') !== '');
    await cy.status.filter({ hasText: 'in sync' }).waitFor();
    git(adasFolder, 'branch', '-q', '-D', 'looms');
    const row = cy.row('Ada Lovelace deleted it; yours stays');
    await row.waitFor();
    await row.hover();
    await cy.screenshot('53-deleted-there');
    await row.getByRole('button', { name: 'Follow Peer' }).click();
    await cy.dialog.filter({ hasText: 'Delete looms here too?' }).waitFor();
    await cy.screenshot('54-follow');
    await cy.answerDialog('Delete Branch');
    await until(() => git(cysFolder, 'for-each-ref', 'refs/heads/looms') === '');
    await cy.command('Peerweave: Restore Kept Commit…');
    await cy.page.locator('.quick-input-list .monaco-list-row', { hasText: 'looms' }).first().waitFor();
    await cy.screenshot('55-kept');
    await cy.page.locator('.quick-input-list .monaco-list-row', { hasText: 'looms' }).first().click();
    await cy.quickInput.fill('looms-again');
    await cy.page.keyboard.press('Enter');
    await until(() => git(cysFolder, 'for-each-ref', 'refs/heads/looms-again').includes(tip));
  });

  /** A commit of each, neither of which knows of the other. */
  const diverge = (
    adasFile: string,
    cysFile = adasFile,
    [adas, cys] = ['one way\n', 'another way\n'],
  ): Promise<string[]> =>
    stage.whileStill('Cy', cysFolder, async () => [
      await commit(adasFolder, adasFile, adas),
      await commit(cysFolder, cysFile, cys),
    ]);
});
