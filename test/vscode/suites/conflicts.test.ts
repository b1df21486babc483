import assert from 'node:assert/strict';
import * as vscode from 'vscode';

const COMMANDS = [
  ...[
    'resolve',
    'rebaseMine',
    'takeTheirs',
    'keepMine',
    'keepBoth',
    'compare',
    'openMergeEditor',
    'resolveWithMarkers',
  ],
  ...[
    'completeMerge',
    'abortMerge',
    'followPeer',
    'undo',
    'undoEntry',
    'setStrategy',
    'restoreKept',
    'refreshConflicts',
  ],
];

const target = { repo: '/nowhere', branch: 'main', tip: 'f'.repeat(40), path: 'a.txt' };

describe('conflict commands', () => {
  it('are there, and do nothing without a session, whatever they are called with', async () => {
    for (const argument of [undefined, null, 7, { target: null }, target, { target }, { ...target, tip: 'x' }]) {
      for (const command of COMMANDS) {
        assert.equal(await vscode.commands.executeCommand(`peerweave.${command}`, argument), undefined);
      }
    }
  });
});

describe("peers' versions", () => {
  const open = (uri: string): Thenable<vscode.TextDocument> =>
    vscode.workspace.openTextDocument(vscode.Uri.parse(uri, true));

  it('say that an address is none', async () => {
    for (const query of ['', '{}', '[', '{"repo":"/nowhere","commit":"HEAD"}']) {
      await assert.rejects(async () => open(`peerweave:/a.txt?${encodeURIComponent(query)}`), /not the address/);
    }
  });

  it('need the session whose they are', async () => {
    const query = JSON.stringify({ repo: '/nowhere', commit: 'f'.repeat(40) });
    await assert.rejects(async () => open(`peerweave:/a.txt?${encodeURIComponent(query)}`), /session/);
  });
});
