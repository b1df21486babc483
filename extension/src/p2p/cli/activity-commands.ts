import { InvalidArgumentError, type Command } from 'commander';
import { activityText, undoneText } from './activity-text.ts';
import { ask, jsonOption, print, repoOption, sessionOf, type Common } from './ask.ts';

const MAX_LIMIT = 1_000;

/** `activity` and `undo`. */
export function addActivityCommands(program: Command): void {
  program
    .command('activity')
    .description('what was moved in a repository by syncing and settling, newest first')
    .option('--limit <count>', 'so many at most', countArgument, 20)
    .addOption(repoOption)
    .addOption(jsonOption)
    .action(async ({ repo, json, limit }: Common & { limit: number }) => {
      const session = await sessionOf(repo);
      const { entries } = await ask(repo, 'peerweave/activity', { repo: session.repo, limit });
      for (const entry of entries) print(json ? JSON.stringify(entry) : activityText(entry));
    });
  program
    .command('undo')
    .description('put a branch back to before its last move, with its files where nothing of yours is in the way')
    .option('--id <id>', 'another move, as activity shows it; that of an undo does it again')
    .addOption(repoOption)
    .addOption(jsonOption)
    .action(async ({ repo, json, id }: Common & { id?: string }) => {
      const session = await sessionOf(repo);
      const request = { repo: session.repo, ...(id === undefined ? {} : { id }) };
      const { undone } = await ask(repo, 'peerweave/undo', request);
      print(json ? JSON.stringify(undone) : undoneText(undone));
    });
}

function countArgument(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MAX_LIMIT) return count;
  throw new InvalidArgumentError(`A number from 1 to ${MAX_LIMIT}.`);
}
