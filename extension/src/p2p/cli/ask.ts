import { join, resolve } from 'node:path';
import { Option } from 'commander';
import type { RequestMethod, RequestParams, RequestResult } from '../../rpc/contract.ts';
import type { SessionView } from '../../rpc/model.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { silentLogger } from '../../shared/log.ts';
import { askEngine } from '../local-rpc.ts';
import { SystemGitProvider } from '../repo/git/provider.ts';

/** What commands have in common that ask the engine of a repository's session, found through `.git/peerweave/`. */

export const jsonOption = new Option('--json', 'one JSON object a line').default(false);
export const repoOption = new Option('--repo <dir>', 'the repository').default('.');

export interface Common {
  repo: string;
  json: boolean;
}

export const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Throws what the engine answered, or `no-session` when there is none. */
export async function ask<M extends RequestMethod>(
  repo: string,
  method: M,
  params: RequestParams<M>,
): Promise<RequestResult<M>> {
  return askEngine(await gitDirOf(repo), method, params);
}

async function gitDirOf(repo: string): Promise<string> {
  const state = await new SystemGitProvider({ log: silentLogger }).inspect(repo);
  if (state.kind === 'repository') return state.info.gitDir;
  // A clone is shallow while its history still arrives, and has an engine all the same.
  if (state.kind === 'unusable' && state.reason === 'repository-shallow') return join(resolve(repo), '.git');
  if (state.kind === 'unusable') throw new PeerweaveError(state.reason, state.message);
  throw new PeerweaveError('not-a-repository', `${repo} is not a git repository. Name one with --repo.`);
}

export async function sessionOf(repo: string): Promise<SessionView> {
  const { sessions } = await ask(repo, 'peerweave/state', {});
  const [session] = sessions;
  if (session === undefined) throw new PeerweaveError('no-session', `${repo} is in no session.`);
  return session;
}
