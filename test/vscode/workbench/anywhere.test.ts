import { join } from 'node:path';
import type { RunningServer } from '../../../server/options.ts';
import { startServer } from '../../../server/server.ts';
import { until } from '../harness/until.ts';
import { commit, git, Stage } from './stage.ts';
import type { Workbench } from './workbench.ts';

/** People who have nothing in common but a signaling server, and see how they are connected. */
describe('people who meet through a signaling server', function () {
  this.bail(true);
  let stage: Stage;
  let server: RunningServer;
  let ada: Workbench;
  let bea: Workbench;
  let cy: Workbench;
  let adasFolder: string;
  let beasFolder: string;
  let invite: string;

  const settings = (...tiers: string[]) => ({
    settings: { 'peerweave.signalingUrl': server.url, 'peerweave.tiers': tiers, 'peerweave.approve': 'auto' },
  });
  const joins = async (guest: Workbench): Promise<void> => {
    await guest.command('Peerweave: Join Session…');
    await guest.quickInput.fill(invite);
    await guest.page.keyboard.press('Enter');
    await guest.answerDialog('Clone into a New Folder…');
    await guest.page.locator('.quick-input-widget').getByRole('button', { name: 'Clone Here' }).click();
    await guest.page.waitForURL(/jacquard/);
    await guest.status.filter({ hasText: 'in sync' }).waitFor();
    await guest.showPeers();
  };

  before(async () => {
    server = await startServer();
    stage = await Stage.set();
    adasFolder = await stage.repository('jacquard');
    beasFolder = join(stage.home('Bea'), 'jacquard');
    ada = await stage.seat('Ada Lovelace', { folder: adasFolder, ...settings('webrtc', 'relay', 'json') });
    bea = await stage.seat('Bea Ortiz', settings('webrtc', 'relay'));
  });

  after(async () => {
    await stage.strike();
    await server.close({ drainMs: 0 });
  });

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await stage.photograph('failed-anywhere');
  });

  it('connect without an address of each other, and the tree names the route', async () => {
    await ada.showPeers();
    await ada.command('Peerweave: Share Workspace');
    await ada.notification('jacquard is shared').waitFor();
    invite = await ada.readClipboard();
    await ada.command('Notifications: Clear All Notifications');
    await joins(bea);
    await bea.row('Ada Lovelace').filter({ hasText: 'hole-punched' }).waitFor();
    await ada.row('Bea Ortiz').filter({ hasText: 'hole-punched' }).waitFor();
    const head = await commit(adasFolder, 'cards.txt', 'Punched.\n');
    await until(() => git(beasFolder, 'rev-parse', 'main') === head);
    await bea.showDetails('Ada Lovelace', 'Route: direct, hole-punched through routers');
    await bea.screenshot('60-hole-punched');
  });

  it('go on while the server is away, and see that it is', async () => {
    const { port } = new URL(server.url);
    await server.close({ drainMs: 0 });
    await ada.row('Signaling server out of reach').waitFor();
    await ada.screenshot('61-server-away');
    const head = await commit(beasFolder, 'loom.txt', 'Woven.\n');
    await until(() => git(adasFolder, 'rev-parse', 'main') === head);
    server = await startServer({ port: Number(port) });
    await ada.row('Signaling server out of reach').waitFor({ state: 'detached' });
  });

  it('come through the relay as text where nothing else passes, and the tooltip says why', async () => {
    cy = await stage.seat('Cy Twombly', settings('json'));
    await joins(cy);
    await cy.row('Ada Lovelace').filter({ hasText: 'relay as text' }).waitFor();
    await ada.row('Cy Twombly').filter({ hasText: 'relay as text' }).waitFor();
    const head = await commit(adasFolder, 'more.txt', 'Cards.\n');
    await until(() => git(join(stage.home('Cy'), 'jacquard'), 'rev-parse', 'main') === head);
    await ada.showDetails('Cy Twombly', 'Route: through the signaling server, as text');
    await ada.screenshot('62-as-text');
  });
});
