import type { SecretStorage } from 'vscode';
import type { Request } from './engineClient.ts';

const KEY = 'peerweave.identity';

/** Gives the engine this installation's private key, and keeps the one that the engine makes on the very first start (SE8). */
export async function configureIdentity(secrets: SecretStorage, request: Request): Promise<void> {
  const identity = await secrets.get(KEY);
  const { created } = await request('peerweave/configure', identity === undefined ? {} : { identity });
  if (created !== undefined) await secrets.store(KEY, created);
}
