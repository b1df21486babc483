import * as vscode from 'vscode';
import { showFailure } from '../failure.ts';
import { refreshFolders } from '../folder-watch.ts';
import type { InviteInfo } from '../rpc/contract.ts';
import type { Services } from '../services.ts';
import { displayName, engineSettings } from '../settings.ts';
import { plain } from '../views/plain-text.ts';
import { isJoining } from '../views/view-state.ts';
import { requireTrust } from './choose.ts';
import { askForInvite } from './invite-input.ts';
import { chooseCloneFolder } from './clone-folder.ts';
import { openClone } from './open-clone.ts';

/** Where a guest's copy of the repository is to be. */
interface Place {
  readonly directory: string;
  readonly link: boolean;
}

/** Joins by an invite that is pasted, found on the clipboard, or comes with a link (`fromLink`). */
export async function join(services: Services, fromLink?: string): Promise<void> {
  if (!requireTrust()) return;
  const invite = fromLink ?? (await askForInvite());
  if (invite === undefined) return;
  const info = await services.engine.request('peerweave/inspectInvite', { invite });
  await refreshFolders(services.model);
  const place = await confirm(services, info);
  if (place === undefined) return;
  await services.engine.request('peerweave/join', {
    invite,
    ...place,
    name: await displayName(),
    settings: await engineSettings(),
  });
  services.log.info('Joined a session.');
  await refreshFolders(services.model);
  if (!place.link) await openClone(services, place.directory, plain(info.repoName));
}

/** Shows whose repository it is and how to be sure, and asks where it should go. Undefined when the user thinks better of it. */
async function confirm({ model }: Services, info: InviteInfo): Promise<Place | undefined> {
  const open = model.state.folders.find(({ kind, root }) => kind === 'ready' && model.session(root) === undefined);
  const choices = open === undefined ? [CLONE] : [CLONE, LINK];
  const host = plain(info.hostName);
  const detail = [
    `Host: ${host}`,
    `Fingerprint: ${plain(info.hostFingerprint)}`,
    `Invite good until: ${new Date(info.expiresAt).toLocaleString()}`,
    '',
    `If in doubt, ask ${host} to read their fingerprint to you. Only the computer with this fingerprint can answer.`,
  ].join('\n');
  const choice = await vscode.window.showInformationMessage(
    `Join ${plain(info.repoName)}?`,
    { modal: true, detail },
    ...choices,
  );
  if (choice === LINK && open !== undefined) return { directory: open.root, link: true };
  if (choice !== CLONE) return undefined;
  const directory = await chooseCloneFolder(info.repoName);
  return directory === undefined ? undefined : { directory, link: false };
}

const CLONE = 'Clone into a New Folder…';
const LINK = 'Link the Open Folder';

/** Opens links of the form `<scheme>://peerweave.peerweave/join#<code>`. */
export function createUriHandler(services: Services): vscode.UriHandler {
  return {
    async handleUri(uri) {
      if (uri.path !== '/join' || uri.fragment === '') {
        void vscode.window.showErrorMessage('This link is not a Peerweave invite. Ask for the whole link again.');
        return;
      }
      if (services.model.sessions.some(isJoining)) {
        void vscode.window.showWarningMessage('A join is going on already. Cancel it first.');
        return;
      }
      try {
        await join(services, uri.fragment);
      } catch (error) {
        await showFailure(services.log, 'Could not join', error);
      }
    },
  };
}
