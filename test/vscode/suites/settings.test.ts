import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { settings, type Settings } from '../../../extension/src/rpc/contract.ts';

interface Manifest {
  contributes: { configuration: { properties: Record<string, { scope: string }> } };
  capabilities: { untrustedWorkspaces: { supported: string; restrictedConfigurations: string[] } };
}
const manifest = vscode.extensions.getExtension('peerweave.peerweave')!.packageJSON as Manifest;
const { properties } = manifest.contributes.configuration;

describe('settings', () => {
  it('have the defaults that the engine has', () => {
    const configuration = vscode.workspace.getConfiguration('peerweave');
    for (const key of Object.keys(settings.shape)) {
      // Some are written in another form than they are used in: through the schema, as the engine gets them.
      const value = settings.parse({ [key]: configuration.get(key) })[key as keyof Settings];
      assert.deepEqual(value, settings.parse({})[key as keyof Settings], key);
    }
  });

  it('that let someone in cannot come from the folder, which a peer may have written', () => {
    for (const key of ['approve', 'listen', 'inviteHours', 'displayName']) {
      assert.equal(properties[`peerweave.${key}`]?.scope, 'machine', key);
    }
  });

  it('[ED4] are all ignored in Restricted Mode when the folder sets them', () => {
    const { supported, restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    assert.equal(supported, 'limited');
    assert.deepEqual(new Set(restrictedConfigurations), new Set(Object.keys(properties)));
  });
});
