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

  it('put up with any argument', async () => {
    for (const argument of [null, 7, 'x', {}, { target: null }, { target: { repo: '/nowhere' } }]) {
      for (const command of ['allow', 'refuse', 'applyPending', 'copyFingerprint']) {
        assert.equal(await vscode.commands.executeCommand(`peerweave.${command}`, argument), undefined);
      }
    }
  });
});
