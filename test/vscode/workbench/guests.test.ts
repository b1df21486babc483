import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../harness/until.ts';
import { commit, git, Stage } from './stage.ts';
import type { Workbench } from './workbench.ts';

/** Guests who are refused, who think better of it, who have a clone already, and who differ. */
describe('guests', function () {
  this.bail(true);
  let stage: Stage;
  let ada: Workbench;
  let bea: Workbench;
  let cy: Workbench;
  let adasFolder: string;
  let cysFolder: string;
  let invite: string;

  before(async () => {
    stage = await Stage.set();
    adasFolder = await stage.repository('shared');
    cysFolder = join(stage.directory, 'cys-clone');
    git(stage.directory, 'clone', '-q', adasFolder, cysFolder);
    git(cysFolder, 'remote', 'remove', 'origin');
    ada = await stage.seat('Ada $(flame) [x](command:a)', { folder: adasFolder });
    await ada.showPeers();
    await ada.command('Peerweave: Share Workspace');
    await ada.notification('is shared').waitFor();
    invite = await ada.readClipboard();
    await ada.command('Notifications: Clear All Notifications');
    bea = await stage.seat('Bea Ortiz');
    await bea.showPeers();
  });

  after(() => stage.strike());

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await stage.photograph('failed-guests');
  });

  const beaJoins = async (): Promise<void> => {
    await bea.answerDialog('Clone into a New Folder…');
    await bea.page.locator('.quick-input-widget').getByRole('button', { name: 'Clone Here' }).click();
    await ada.row('wants to join').waitFor();
  };

  it('opens a link, [ED5] shows names as they are, and a guest can be refused in the tree', async () => {
    await bea.command('Developer: Open URL');
    await bea.quickInput.fill(invite);
    await bea.page.keyboard.press('Enter');
    // The editor asks by itself whether the extension may open links.
    await bea.answerDialog('Open');
    await bea.dialog.filter({ hasText: 'Host: Ada $\u200b(flame) [x]\u200b(command:a)' }).waitFor();
    await bea.screenshot('30-link');
    await beaJoins();
    await ada.row('wants to join').hover();
    await ada.screenshot('31-row-actions');
    await ada.row('wants to join').getByRole('button', { name: 'Refuse' }).click();
    await bea.notification('Could not join').waitFor();
    await bea.screenshot('32-refused');
    await ada.row('wants to join').waitFor({ state: 'detached' });
  });

  it('[SE10] leaves nothing behind when a join is cancelled', async () => {
    await bea.command('Notifications: Clear All Notifications');
    await bea.command('Peerweave: Join Session…');
    await bea.quickInput.fill(invite);
    await bea.page.keyboard.press('Enter');
    await beaJoins();
    await bea.page.getByRole('button', { name: 'Cancel Join' }).first().click();
    await bea.page.getByRole('button', { name: 'Open Folder' }).waitFor();
    await ada.row('wants to join').waitFor({ state: 'detached' });
    await ada.status.filter({ hasText: 'Sharing' }).waitFor();
    assert.equal(existsSync(join(stage.home('Bea'), 'shared')), false);
  });

  it('links an existing clone of the same project', async () => {
    await bea.close();
    cy = await stage.seat('Cy Twombly', { folder: cysFolder });
    await cy.showPeers();
    await cy.command('Peerweave: Join Session…');
    await cy.quickInput.fill(invite);
    await cy.page.keyboard.press('Enter');
    await cy.answerDialog('Link the Open Folder');
    await ada.row('wants to join').hover();
    await ada.row('wants to join').getByRole('button', { name: 'Allow' }).click();
    await cy.status.filter({ hasText: '1 peer, in sync' }).waitFor();
    const head = await commit(adasFolder, 'linked.txt', 'x\n');
    await until(() => git(cysFolder, 'rev-parse', 'main') === head);
  });

  it('[SY6] holds back an update while own work is in the way of it', async () => {
    await writeFile(join(cysFolder, 'README.md'), 'My notes\n');
    const head = await commit(adasFolder, 'README.md', 'Other notes\n');
    await cy.row('your changes to README.md').waitFor();
    await cy.status.filter({ hasText: '1 pending update' }).waitFor();
    await cy.screenshot('33-pending');
    assert.notEqual(git(cysFolder, 'rev-parse', 'main'), head);
    git(cysFolder, 'checkout', '-q', 'README.md');
    await cy.command('Peerweave: Sync Now');
    await until(() => git(cysFolder, 'rev-parse', 'main') === head);
    await cy.row('Pending updates').waitFor({ state: 'detached' });
  });

  it('[SY6] holds back files that run code when a folder is opened, until they are wanted', async () => {
    await mkdir(join(adasFolder, '.vscode'));
    const head = await commit(adasFolder, '.vscode/tasks.json', '{}\n');
    await cy.row('Pending updates').waitFor();
    await cy.row('.vscode').hover();
    await cy.screenshot('34-sensitive');
    assert.notEqual(git(cysFolder, 'rev-parse', 'main'), head);
    await cy.row('.vscode').getByRole('button', { name: 'Apply Update' }).click();
    await until(() => git(cysFolder, 'rev-parse', 'main') === head);
    await cy.row('Pending updates').waitFor({ state: 'detached' });
  });

  it('[CO2] shows a conflict on both sides, and syncs the rest', async () => {
    git(adasFolder, 'checkout', '-q', '-b', 'topic');
    await until(() => git(cysFolder, 'for-each-ref', 'refs/remotes/peers').includes('topic'));
    git(cysFolder, 'checkout', '-q', '-B', 'topic', 'main');
    const ours = await commitBoth();
    await ada.row(/topic.*↔/).waitFor();
    await cy.row(/topic.*↔/).waitFor();
    await cy.status.filter({ hasText: '1 conflict' }).waitFor();
    await cy.screenshot('35-conflict');
    await ada.screenshot('35-conflict');
    assert.deepEqual([git(adasFolder, 'rev-parse', 'topic'), git(cysFolder, 'rev-parse', 'topic')], ours);
  });

  /** Neither knows of the other's. */
  const commitBoth = (): Promise<string[]> =>
    stage.whileStill('Cy', cysFolder, async () => [
      await commit(adasFolder, 'topic.txt', 'one way\n'),
      await commit(cysFolder, 'topic.txt', 'another way\n'),
    ]);
});
