import { Option, type Command } from 'commander';
import { strategy as strategySchema, type Strategy } from '../../rpc/conflicts.ts';
import type { RequestParams } from '../../rpc/contract.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { ask, jsonOption, print, repoOption, sessionOf, type Common } from './ask.ts';
import { resolutionOf, TAKES, type Choice } from './conflict-choice.ts';
import { conflictLine, detailLines, moreLines, strategyLines } from './conflict-text.ts';
import { plain } from './output.ts';

/** `conflicts`, `resolve`, `strategy`, `kept` and `restore`. */
export function addConflictCommands(program: Command): void {
  addConflicts(program);
  addResolve(program);
  addStrategy(program);
  addKept(program);
}

function addConflicts(program: Command): void {
  program
    .command('conflicts')
    .description('branches that people took different ways, or one of them in full')
    .argument('[branch]', 'one branch: its commits on each side, and what merging would come to')
    .addOption(repoOption)
    .addOption(jsonOption)
    .action(async (branch: string | undefined, { repo, json }: Common) => {
      const session = await sessionOf(repo);
      if (branch !== undefined) {
        const detail = await ask(repo, 'peerweave/conflict', { repo: session.repo, branch });
        return print(json ? JSON.stringify(detail) : text(detailLines(detail)));
      }
      if (json) for (const conflict of session.conflicts) print(JSON.stringify(conflict));
      else for (const line of [...session.conflicts.map(conflictLine), ...moreLines(session)]) print(plain(line));
    });
}

function addResolve(program: Command): void {
  program
    .command('resolve')
    .description('settle a branch that people took different ways')
    .argument('<branch>', 'as conflicts shows it')
    .addOption(
      new Option(
        '--take <what>',
        'merge: merge what merges by itself; theirs, mine: the files of one side; both: yours under a name of its own; rebase: yours on top of theirs; follow: go back or away as they did',
      )
        .choices(TAKES)
        .makeOptionMandatory(),
    )
    .option('--peer <name>', 'whose side, where several others have one')
    .option('--name <branch>', 'with both: what your commits are called')
    .option('--message <text>', 'with merge: of the merge commit')
    .option('--reviewed', 'you have looked at files that come along and can run code when opened', false)
    .addOption(repoOption)
    .addOption(jsonOption)
    .action(async (branch: string, options: Common & Choice & { reviewed: boolean }) => {
      const { repo, json, reviewed } = options;
      const session = await sessionOf(repo);
      const request = { repo: session.repo, branch, reviewed, ...resolutionOf(session, branch, options) };
      const { commit } = await ask(repo, 'peerweave/resolve', request);
      if (json) return print(JSON.stringify({ event: 'resolved', branch, commit }));
      print(
        plain(
          commit === null ? `${branch} is deleted; what it had is kept.` : `${branch} is at ${commit.slice(0, 8)}.`,
        ),
      );
    });
}

/** What takes a choice back. */
const DEFAULT = 'default';

function addStrategy(program: Command): void {
  program
    .command('strategy')
    .description('what is done by itself about branches that diverge; without arguments, what is now')
    .argument('[branch]', 'only for this branch')
    .argument('[name]', `${strategySchema.options.join(', ')}; ${DEFAULT} takes a choice back`)
    .addOption(repoOption)
    .addOption(jsonOption)
    .action(async (first: string | undefined, second: string | undefined, { repo, json }: Common) => {
      const session = await sessionOf(repo);
      const name = second ?? first;
      if (name !== undefined) {
        const chosen = strategyNamed(name);
        const branch = second === undefined ? {} : { branch: first };
        const request: RequestParams<'peerweave/strategy'> = { repo: session.repo, strategy: chosen, ...branch };
        await ask(repo, 'peerweave/strategy', request);
      }
      const { strategy, branchStrategies = {} } = name === undefined ? session : await sessionOf(repo);
      if (json) print(JSON.stringify({ strategy, branches: branchStrategies }));
      else if (name === undefined) print(text(strategyLines({ strategy, branchStrategies })));
    });
}

function strategyNamed(name: string): Strategy | null {
  if (name === DEFAULT) return null;
  const known = strategySchema.safeParse(name);
  if (known.success) return known.data;
  throw new PeerweaveError('bad-request', `A strategy is one of ${strategySchema.options.join(', ')} and ${DEFAULT}.`);
}

function addKept(program: Command): void {
  program
    .command('kept')
    .description('commits that lost to others and are kept, newest first')
    .addOption(repoOption)
    .addOption(jsonOption)
    .action(async ({ repo, json }: Common) => {
      const { kept } = await ask(repo, 'peerweave/kept', { repo: (await sessionOf(repo)).repo });
      for (const one of kept)
        print(json ? JSON.stringify(one) : plain(`${one.tip}  ${one.branch}${sinceText(one.keptAt)}`));
    });
  program
    .command('restore')
    .description('make a branch of commits that are kept')
    .argument('<commit>', 'as kept shows it, or its beginning')
    .argument('<branch>', 'the new branch')
    .addOption(repoOption)
    .addOption(jsonOption)
    .action(async (commit: string, name: string, { repo, json }: Common) => {
      const { repo: root } = await sessionOf(repo);
      const { kept } = await ask(repo, 'peerweave/kept', { repo: root });
      const tips = new Set(kept.map(({ tip }) => tip).filter((tip) => commit.length >= 4 && tip.startsWith(commit)));
      const [tip] = tips;
      if (tip === undefined || tips.size > 1) {
        const why = tip === undefined ? 'Nothing is kept that begins so' : 'More than one that is kept begins so';
        throw new PeerweaveError('bad-request', `${why}: ${commit}. See peerweave kept.`);
      }
      await ask(repo, 'peerweave/restoreKept', { repo: root, tip, name });
      print(
        json
          ? JSON.stringify({ event: 'restored', branch: name, commit: tip })
          : plain(`${name} is at ${tip.slice(0, 8)}.`),
      );
    });
}

const text = (lines: readonly string[]): string => lines.map(plain).join('\n');

const sinceText = (keptAt: number | undefined): string =>
  keptAt === undefined ? '' : `  since ${new Date(keptAt * 1_000).toISOString().slice(0, 10)}`;
