import * as vscode from 'vscode';
import type { Strategy } from '../rpc/conflicts.ts';
import type { SessionView } from '../rpc/model.ts';
import type { Services } from '../services.ts';
import { STRATEGIES } from '../views/conflict-words.ts';
import { plain } from '../views/plain-text.ts';
import { isLive } from '../views/view-state.ts';
import { chooseSession } from './choose.ts';
import { conflictTargetOf } from './choose-conflict.ts';
import { sayQuietly } from './settle.ts';

/** What the strategy is chosen for: a branch, or with undefined the session. */
interface Scope {
  readonly branch: string | undefined;
}

/** Chooses what is done by itself about branches that diverge: for a session, or for one branch. */
export async function setStrategy({ engine, model }: Services, argument: unknown): Promise<void> {
  const target = await conflictTargetOf(argument);
  const session = target === undefined ? await chooseSession(model, undefined, isLive) : model.session(target.repo);
  if (session === undefined) return;
  const scope = await chooseScope(session, target?.branch);
  const choice = scope && (await chooseStrategy(session, scope));
  if (scope === undefined || choice === undefined) return;
  const { branch } = scope;
  await engine.request('peerweave/strategy', {
    repo: session.repo,
    ...(branch === undefined ? {} : { branch }),
    strategy: choice.strategy,
  });
  sayQuietly(`${branch === undefined ? plain(session.repoName) : plain(branch)}: ${choice.label}`);
}

/** Called for a branch that is likely what is meant; everything else is one key further. */
async function chooseScope(session: SessionView, branch: string | undefined): Promise<Scope | undefined> {
  const conflicted = session.conflicts.filter(({ kind }) => kind === 'diverged').map((conflict) => conflict.branch);
  const checkedOut = session.self.branch === undefined ? [] : [session.self.branch];
  const branches = [...new Set([...(branch === undefined ? [] : [branch]), ...conflicted, ...checkedOut])];
  const whole = {
    label: '$(repo) All Branches',
    description: `now ${STRATEGIES[session.strategy].label}`,
    detail: 'Every branch of this session that has no strategy of its own.',
    scope: { branch: undefined },
  };
  const single = branches.map((name) => ({
    label: `$(git-branch) ${plain(name)}`,
    description: `now ${STRATEGIES[currentOf(session, name)].label}`,
    detail: 'This branch only.',
    scope: { branch: name },
  }));
  const items = branch === undefined ? [whole, ...single] : [...single.slice(0, 1), whole, ...single.slice(1)];
  return (await vscode.window.showQuickPick(items, { placeHolder: 'A strategy for what?' }))?.scope;
}

/** Of a branch without a conflict only the session's is known. */
const currentOf = (session: SessionView, branch: string): Strategy =>
  session.conflicts.find((conflict) => conflict.branch === branch)?.strategy ?? session.strategy;

interface Choice {
  readonly label: string;
  readonly strategy: Strategy | null;
}

async function chooseStrategy(session: SessionView, { branch }: Scope): Promise<Choice | undefined> {
  const current = branch === undefined ? session.strategy : currentOf(session, branch);
  const own = (Object.keys(STRATEGIES) as Strategy[]).map((strategy) => ({
    label: STRATEGIES[strategy].label,
    description: strategy === current ? 'current' : '',
    detail: STRATEGIES[strategy].explanation,
    choice: { label: STRATEGIES[strategy].label, strategy },
  }));
  const back =
    branch === undefined
      ? { label: 'As in Settings', detail: 'What the setting peerweave.strategy says.' }
      : { label: 'As the Session', detail: 'This branch has no strategy of its own.' };
  const items = [...own, { ...back, description: '', choice: { label: back.label, strategy: null } }];
  const placeHolder = `What is done by itself when ${branch === undefined ? 'branches diverge' : `${plain(branch)} diverges`}?`;
  return (await vscode.window.showQuickPick(items, { placeHolder, matchOnDetail: true }))?.choice;
}
