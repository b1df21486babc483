import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { childProcesses } from '../harness/child-processes.ts';

const engines = (): string[] => childProcesses().filter((command) => command.includes('engine.cjs'));

describe('commands', () => {
  it('[ED1] start the engine when they need it', async () => {
    assert.equal(engines().length, 0);
    await vscode.commands.executeCommand('peerweave.copyDiagnostics');
    assert.equal(engines().length, 1);
  });

  it('[SE8] give no secret away: diagnostics hold none, and nothing is returned', async () => {
    const returned: unknown = await vscode.commands.executeCommand('peerweave.copyDiagnostics');
    assert.equal(returned, undefined);
    const text = await vscode.env.clipboard.readText();
    assert.match(text, /peerweave/i);
    assert.doesNotMatch(text, /pw1-|PRIVATE KEY/);
  });

  it('[SE8] pass nothing on the command line of the engine', () => {
    assert.doesNotMatch(engines().join(' '), /pw1-|KEY|identity/i);
  });

  it('a lens decides a conflict in the version that it was made for, and in no other', async () => {
    const content = 'a\n<<<<<<< HEAD\nmine\n=======\ntheirs\n>>>>>>> bob\nz\n';
    const document = await vscode.workspace.openTextDocument({ content });
    const take = {
      uri: document.uri.toString(),
      version: document.version,
      remove: [
        [1, 4],
        [5, 6],
      ],
    };
    await vscode.commands.executeCommand('peerweave.takeBlock', { ...take, version: document.version - 1 });
    assert.equal(document.getText(), content);
    await vscode.commands.executeCommand('peerweave.takeBlock', take);
    assert.equal(document.getText(), 'a\ntheirs\nz\n');
    await vscode.commands.executeCommand('peerweave.takeBlock', take);
    assert.equal(document.getText(), 'a\ntheirs\nz\n');
  });

  it('put up with any argument', async () => {
    for (const argument of [null, 7, 'x', {}, { target: null }, { target: { repo: '/nowhere' } }]) {
      for (const command of ['allow', 'refuse', 'applyPending', 'copyFingerprint', 'takeBlock']) {
        assert.equal(await vscode.commands.executeCommand(`peerweave.${command}`, argument), undefined);
      }
    }
  });
});
