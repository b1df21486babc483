import * as vscode from 'vscode';
import type { RequestParams } from '../rpc/contract.ts';
import type { Services } from '../services.ts';
import { targetOf } from './choose.ts';

export type Decision = RequestParams<'peerweave/approve'>['decision'];

/** Answers a guest who waits; one who does not wait any more (SE4: answered elsewhere, gone, timed out) needs no answer. */
export async function decide({ engine, model }: Services, repo: string, id: string, decision: Decision): Promise<void> {
  const waits = model.session(repo)?.approvals.some((approval) => approval.id === id) === true;
  if (waits) await engine.request('peerweave/approve', { repo, id, decision });
  else void vscode.window.showInformationMessage('This guest is not waiting any more.');
}

/** The command behind a button on the row of a guest. */
export const decideRow =
  (decision: Decision) =>
  async (services: Services, argument: unknown): Promise<void> => {
    const target = targetOf(argument);
    if (target?.approval !== undefined) await decide(services, target.repo, target.approval, decision);
  };
