import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../harness/until.ts';
import { Stage } from './stage.ts';
import type { Workbench } from './workbench.ts';

/** What one person sees when things are not as they should be. */
describe('states of the view', () => {
  let stage: Stage;
  let workbench: Workbench | undefined;

  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await stage.photograph(`failed-${this.currentTest.title.slice(0, 20)}`);
    await workbench?.close();
    workbench = undefined;
  });

  it('[ED4] Restricted Mode: says why, and starts neither engine nor session', async () => {
    const folder = await stage.repository('untrusted');
    await mkdir(join(folder, '.git', 'peerweave'));
    await writeFile(join(folder, '.git', 'peerweave', 'session.json'), '{}');
    const rita = (workbench = await stage.seat('Rita Restricted', { folder, askForTrust: true }));
    await rita.showPeers();
    await rita.page.getByRole('button', { name: 'Manage Workspace Trust' }).waitFor();
    await rita.screenshot('20-restricted');
    await rita.command('Peerweave: Share Workspace');
    await rita.notification('Peerweave is off in Restricted Mode').waitFor();
    assert.deepEqual(stage.engines('Rita'), []);
  });

  it('offers to make a folder a repository, and asks first', async () => {
    const folder = join(stage.directory, 'plain-folder');
    await mkdir(folder);
    const nora = (workbench = await stage.seat('Nora New', { folder }));
    await nora.showPeers();
    await nora.page.getByText('not a Git repository yet').waitFor();
    await nora.screenshot('21-no-repository');
    await nora.page.getByRole('button', { name: 'Share Workspace' }).click();
    await nora.dialog.filter({ hasText: 'This folder is not a Git repository yet.' }).waitFor();
    await nora.screenshot('22-initialize');
    await nora.answerDialog('Initialize Repository');
    await nora.notification(/is shared|Could not share/).waitFor();
    await nora.screenshot('23-initialized');
  });

  it('says what is wrong with an invite', async () => {
    const ivo = (workbench = await stage.seat('Ivo Invited'));
    await ivo.command('Peerweave: Join Session…');
    await ivo.quickInput.fill('https://example.org/not-an-invite');
    await ivo.page.getByText('An invite is a link that ends in join#pw1-').waitFor();
    await ivo.screenshot('24-foreign-invite');
    await ivo.quickInput.fill(`pw1-${'A'.repeat(60)}`);
    await ivo.page.keyboard.press('Enter');
    await ivo.notification('This invite is incomplete or damaged').waitFor();
    await ivo.screenshot('25-damaged-invite');
  });

  it('[ED6] restarts a crashed engine with its session, and gives up at the fifth crash', async () => {
    const folder = await stage.repository('crashing');
    const cleo = (workbench = await stage.seat('Cleo Crash', { folder }));
    await cleo.showPeers();
    await cleo.command('Peerweave: Share Workspace');
    await cleo.status.filter({ hasText: 'Sharing' }).waitFor();
    for (let crash = 1; crash < 5; crash++) {
      await killEngine(stage, 'Cleo');
      await cleo.status.filter({ hasText: 'Sharing' }).waitFor();
    }
    await killEngine(stage, 'Cleo');
    await cleo.notification('crashed five times in three minutes').waitFor();
    await cleo.status.filter({ hasText: 'Peerweave stopped' }).waitFor();
    await cleo.screenshot('26-gave-up');
    await cleo.notification('crashed five times').getByRole('button', { name: 'Restart Engine' }).click();
    await cleo.status.filter({ hasText: 'Sharing' }).waitFor();
    await cleo.screenshot('27-restarted');
  });

  it('offers in the palette only what makes sense now, and a menu at the status bar', async () => {
    const folder = await stage.repository('keyboard');
    const kim = (workbench = await stage.seat('Kim Keyboard', {
      folder,
      settings: { 'workbench.colorTheme': 'Default Dark Modern' },
    }));
    await kim.showPeers();
    const titles = (await kim.offeredCommands('Peerweave:')).join('\n');
    assert.match(titles, /Share Workspace/);
    assert.doesNotMatch(titles, /Leave Session|Copy Invite|Sync Now|Cancel Join|Allow|Refuse/);
    await kim.status.click();
    await kim.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Share Workspace' }).waitFor();
    await kim.screenshot('28-menu-dark');
  });
});

/** Kills the one engine and waits until there is a new one, or none is started any more. */
async function killEngine(stage: Stage, name: string): Promise<void> {
  await until(() => stage.engines(name).length === 1);
  const [pid] = stage.engines(name);
  assert.ok(pid);
  process.kill(pid, 'SIGKILL');
  await until(() => !stage.engines(name).includes(pid));
}
