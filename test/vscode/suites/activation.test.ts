import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { childProcesses } from '../harness/child-processes.ts';

const extension = vscode.extensions.getExtension('peerweave.peerweave')!;

interface Manifest {
  contributes: { commands: { command: string }[]; configuration: { properties: Record<string, { default: unknown }> } };
}
const { contributes } = extension.packageJSON as Manifest;

describe('activation', () => {
  it('[ED1] has not happened without a session, a link or a command', () => {
    assert.equal(extension.isActive, false);
  });

  it('[ED1] starts no process and takes a moment', async () => {
    const start = performance.now();
    await extension.activate();
    const took = performance.now() - start;
    // Of ours: the editor starts processes of its own in this host whenever it likes, to look for open ports.
    const ours = childProcesses().filter((command) => command.includes(extension.extensionPath));
    assert.deepEqual(ours, []);
    console.log(`activation took ${took.toFixed(1)} ms`);
  });

  it('registers every contributed command', async () => {
    const commands = new Set(await vscode.commands.getCommands(true));
    const missing = contributes.commands.map(({ command }) => command).filter((command) => !commands.has(command));
    assert.deepEqual(missing, []);
  });
});
