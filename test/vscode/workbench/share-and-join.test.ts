import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../harness/until.ts';
import { commit, git, Stage } from './stage.ts';
import type { Workbench } from './workbench.ts';

/** Each step goes on where the one before ended, as people do. */
describe('two people at two workbenches', function () {
  this.bail(true);
  let stage: Stage;
  let ada: Workbench;
  let bea: Workbench;
  let adasFolder: string;
  let beasFolder: string;

  before(async () => {
    stage = await Stage.set();
    adasFolder = await stage.repository('lovelace-engine');
    beasFolder = join(stage.home('Bea'), 'lovelace-engine');
    ada = await stage.seat('Ada Lovelace', { folder: adasFolder });
    bea = await stage.seat('Bea Ortiz');
  });

  after(() => stage.strike());

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await stage.photograph('failed');
  });

  it('says what can be done before anything is shared', async () => {
    await ada.showPeers();
    await ada.page.getByRole('button', { name: 'Share Workspace' }).waitFor();
    await ada.screenshot('01-ready');
    await bea.showPeers();
    await bea.page.getByRole('button', { name: 'Open Folder' }).waitFor();
    await bea.screenshot('01-no-folder');
  });

  it('shares by the palette, and the link is on the clipboard', async () => {
    await ada.command('Peerweave: Share Workspace');
    await ada.notification('lovelace-engine is shared').waitFor();
    assert.match(await ada.readClipboard(), /^[a-z-]+:\/\/peerweave\.peerweave\/join#pw1-/);
    await ada.status.filter({ hasText: 'Sharing' }).waitFor();
    await ada.row('Ada Lovelace').waitFor();
    await ada.screenshot('02-sharing');
  });

  it('shows the guest whose repository it is before anything happens', async () => {
    const invite = await ada.readClipboard();
    await bea.command('Peerweave: Join Session…');
    await bea.quickInput.fill(invite);
    await bea.page.keyboard.press('Enter');
    await bea.dialog.filter({ hasText: /Host: Ada Lovelace.*Fingerprint: SHA256:/s }).waitFor();
    await bea.screenshot('03-confirm');
    await bea.answerDialog('Clone into a New Folder…');
    await bea.quickInput.waitFor();
    await bea.screenshot('04-choose-folder');
    await bea.page.locator('.quick-input-widget').getByRole('button', { name: 'Clone Here' }).click();
  });

  it('[SE4] asks the host, and the guest sees that it waits', async () => {
    await ada.notification('Bea Ortiz wants to join lovelace-engine').waitFor();
    await ada.row('Bea Ortiz').waitFor();
    await ada.screenshot('05-approval');
    await bea.status.filter({ hasText: 'Waiting for approval' }).waitFor();
    await bea.screenshot('05-waiting');
    assert.equal(existsSync(join(beasFolder, 'README.md')), false);
  });

  it('clones after Allow, and opens the clone with the session in it', async () => {
    await ada.notification('wants to join').getByRole('button', { name: 'Allow', exact: true }).click();
    await bea.page.waitForURL(/lovelace-engine/);
    await bea.status.filter({ hasText: '1 peer, in sync' }).waitFor();
    await ada.status.filter({ hasText: '1 peer, in sync' }).waitFor();
    await bea.showPeers();
    await bea.row('Ada Lovelace').waitFor();
    await bea.screenshot('06-joined');
    await ada.screenshot('06-joined');
  });

  it('brings a commit of the host to the guest: branch, file and peer state', async () => {
    const head = await commit(adasFolder, 'engine.txt', 'It weaves algebraic patterns.\n');
    // The branch moves last, when its files are there.
    await until(() => git(beasFolder, 'rev-parse', 'main') === head);
    assert.equal(existsSync(join(beasFolder, 'engine.txt')), true);
    await bea
      .row('Ada Lovelace')
      .filter({ hasText: /main.*direct/ })
      .waitFor();
    await bea.command('View: Show Explorer');
    await bea.row('engine.txt').waitFor();
    await bea.screenshot('07-commit-arrived');
  });

  it('brings a commit and a branch of the guest to the host', async () => {
    git(beasFolder, 'branch', 'looms');
    const head = await commit(beasFolder, 'loom.txt', 'And the loom weaves flowers.\n');
    await until(() => git(adasFolder, 'rev-parse', 'main') === head);
    await until(() => git(adasFolder, 'for-each-ref', 'refs/remotes/peers').includes('looms'));
    await ada.status.filter({ hasText: '1 peer, in sync' }).waitFor();
    await ada.screenshot('08-commit-back');
  });

  it('draws who is linked with whom, and by which route', async () => {
    await ada.command('Peerweave: Show Session Map');
    const page = await ada.webview('#map h1');
    assert.equal(await page.locator('h1').innerText(), 'lovelace-engine');
    const bea = page.locator('tbody tr', { hasText: 'Bea Ortiz' });
    await bea.filter({ hasText: /main.*direct.*in sync/s }).waitFor();
    assert.equal(await page.locator('svg line.online').count(), 1);
    await ada.showPeers();
    await ada.command('Notifications: Clear All Notifications');
    await ada.screenshot('08-map');
    await ada.command('View: Close Editor');
  });

  it('[SE9] resumes after a reload of the window', async () => {
    await bea.page.reload();
    await bea.status.filter({ hasText: '1 peer, in sync' }).waitFor();
    await commit(adasFolder, 'after-reload.txt', 'still here\n');
    await until(() => existsSync(join(beasFolder, 'after-reload.txt')));
  });

  it('leaves, and says so on both sides', async () => {
    await bea.command('Peerweave: Leave Session');
    await bea.dialog.filter({ hasText: 'Leave the session of lovelace-engine?' }).waitFor();
    await bea.screenshot('09-leave');
    await bea.answerDialog('Leave');
    await bea.showPeers();
    await bea.page.getByRole('button', { name: 'Share Workspace' }).waitFor();
    await bea.screenshot('10-left');
    await ada.status.filter({ hasText: /Nobody online|Sharing/ }).waitFor();
    await ada.screenshot('10-left');
    assert.equal(git(beasFolder, 'fsck', '--strict'), '');
  });
});
