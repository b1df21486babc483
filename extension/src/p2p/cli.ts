#!/usr/bin/env node
import './heap-growth.ts';
import { Command, Option } from 'commander';
import { asPeerweaveError, PeerweaveError } from '../shared/errors.ts';
import { addActivityCommands } from './cli/activity-commands.ts';
import { addConflictCommands } from './cli/conflict-commands.ts';
import { ask, jsonOption, print, repoOption, sessionOf, type Common } from './cli/ask.ts';
import { runInForeground } from './cli/foreground.ts';
import { readInvite } from './cli/invite-input.ts';
import { peerText, plain, sessionText } from './cli/output.ts';
import {
  downloadOption,
  iceOption,
  mapPortOption,
  networkSettings,
  signalOption,
  tiersOption,
  uploadOption,
  type NetworkFlags,
} from './cli/network-flags.ts';
import { serve } from './cli/serve.ts';
import { checkedName, cliSettings, defaultName } from './cli/settings.ts';
import { askOnTerminal } from './cli/terminal.ts';
import { VERSION } from './version.ts';

/** The `peerweave` command: the same engine without an editor. Errors are one line on stderr and a non-zero exit. */

const program = new Command('peerweave')
  .description('Share a git repository live, peer to peer.')
  .version(VERSION)
  .configureOutput({ outputError: (text, write) => write(text) });

program
  .command('share')
  .description('share a repository until interrupted; prints the invite')
  .addOption(repoOption)
  .option('--name <name>', 'how others see you', defaultName())
  .option('--listen <host:port>', 'where to listen; all interfaces and a free port by default', '')
  .addOption(new Option('--approve <mode>', 'who lets guests in').choices(['ask', 'auto']).default('ask'))
  .addOption(signalOption)
  .addOption(tiersOption)
  .addOption(iceOption)
  .addOption(uploadOption)
  .addOption(downloadOption)
  .addOption(mapPortOption)
  .addOption(jsonOption)
  .action(async (options: Common & NetworkFlags & { name: string; approve: 'ask' | 'auto' }) => {
    await runInForeground(options.json, async (engine) => {
      const settings = cliSettings({ ...networkSettings(options), approve: options.approve });
      const { session } = await engine.manager.share(options.repo, checkedName(options.name), settings);
      if (!options.json) askOnTerminal(session);
      return session;
    });
  });

program
  .command('join')
  .description('join a session into a new folder; the invite comes from stdin or PEERWEAVE_INVITE')
  .argument('<dir>', 'new or empty folder, or with --link an existing clone')
  .option('--name <name>', 'how others see you', defaultName())
  .option('--listen <host:port>', 'where to listen for other members', '')
  .option('--link', 'link the clone that is there instead of making a new one', false)
  .addOption(tiersOption)
  .addOption(iceOption)
  .addOption(uploadOption)
  .addOption(downloadOption)
  .addOption(mapPortOption)
  .addOption(jsonOption)
  .action(async (directory: string, options: NetworkFlags & { name: string; link: boolean; json: boolean }) => {
    await runInForeground(options.json, async ({ manager, log }, signal) => {
      const name = checkedName(options.name);
      log.scope('cli').debug('Reading the invite.');
      const invite = await readInvite(process.env, process.stdin, signal);
      const request = { invite, directory, link: options.link, name };
      const { session } = await manager.join(request, cliSettings(networkSettings(options)), signal);
      return session;
    });
  });

program
  .command('resume')
  .description('go on with the session that this repository had, until interrupted')
  .addOption(repoOption)
  .option('--listen <host:port>', 'where to listen for other members', '')
  .addOption(new Option('--approve <mode>', 'who lets guests in').choices(['ask', 'auto']).default('ask'))
  .addOption(signalOption)
  .addOption(tiersOption)
  .addOption(iceOption)
  .addOption(uploadOption)
  .addOption(downloadOption)
  .addOption(mapPortOption)
  .addOption(jsonOption)
  .action(async (options: Common & NetworkFlags & { approve: 'ask' | 'auto' }) => {
    await runInForeground(options.json, async (engine, signal) => {
      const settings = cliSettings({ ...networkSettings(options), approve: options.approve });
      const resumed = await engine.manager.resume(options.repo, settings);
      // While history still arrives there is nothing to leave: what is here stays, for another run to go on.
      const suspend = (): void => void engine.manager.suspendAll();
      signal.addEventListener('abort', suspend);
      if (signal.aborted) suspend();
      const session = await resumed.session.finally(() => signal.removeEventListener('abort', suspend));
      if (!options.json) askOnTerminal(session);
      return session;
    });
  });

program
  .command('status')
  .description('the session of a repository')
  .addOption(repoOption)
  .addOption(jsonOption)
  .action(async ({ repo, json }: Common) => {
    const session = await sessionOf(repo);
    print(json ? JSON.stringify(session) : sessionText(session));
  });

program
  .command('peers')
  .description('the peers of a repository’s session')
  .addOption(repoOption)
  .addOption(jsonOption)
  .action(async ({ repo, json }: Common) => {
    for (const peer of (await sessionOf(repo)).peers) print(json ? JSON.stringify(peer) : plain(peerText(peer)));
  });

program
  .command('approve')
  .description('let a waiting guest in')
  .argument('<guest>', 'name or fingerprint, as status shows it')
  .option('--remember', 'do not ask again for this key', false)
  .option('--refuse', 'turn the guest away', false)
  .addOption(repoOption)
  .action(async (guest: string, options: Common & { remember: boolean; refuse: boolean }) => {
    const session = await sessionOf(options.repo);
    const waiting = session.approvals.filter(({ name, fingerprint }) => guest === name || guest === fingerprint);
    const [only] = waiting;
    if (only === undefined || waiting.length > 1) {
      const why =
        only === undefined ? 'Nobody of that name waits' : 'Several guests of that name wait: use the fingerprint';
      throw new PeerweaveError('bad-request', `${why}. See peerweave status.`);
    }
    const decision = options.refuse ? 'refuse' : options.remember ? 'remember' : 'allow';
    await ask(options.repo, 'peerweave/approve', { repo: session.repo, id: only.id, decision });
  });

program
  .command('apply')
  .description('take an update that waits, after you have looked at it')
  .argument('<branch>', 'as status shows it')
  .addOption(repoOption)
  .action(async (branch: string, { repo }: Common) => {
    const session = await sessionOf(repo);
    if (!session.pending.some((waiting) => waiting.branch === branch)) {
      throw new PeerweaveError('bad-request', `No update of ${branch} waits. See peerweave status.`);
    }
    await ask(repo, 'peerweave/applyPending', { repo: session.repo, branch });
  });

program
  .command('sync')
  .description('announce and fetch now')
  .addOption(repoOption)
  .addOption(jsonOption)
  .action(async ({ repo, json }: Common) => {
    const { session } = await ask(repo, 'peerweave/sync', { repo: (await sessionOf(repo)).repo });
    print(json ? JSON.stringify(session) : sessionText(session));
  });

program
  .command('leave')
  .description('leave the session of a repository')
  .addOption(repoOption)
  .addOption(jsonOption)
  .action(async ({ repo, json }: Common) => {
    const session = await sessionOf(repo);
    await ask(repo, 'peerweave/leave', { repo: session.repo });
    print(json ? JSON.stringify({ event: 'left', repo: session.repo }) : `Left the session of ${session.repoName}.`);
  });

program
  .command('serve')
  .description('run a signaling and relay server until interrupted; see serve --help')
  .argument('[options...]', 'those of peerweave-server')
  .helpOption(false)
  .allowUnknownOption()
  .action(async (_options, _flags, { args }: Command) => process.exit(await serve(args)));

addActivityCommands(program);
addConflictCommands(program);

try {
  await program.parseAsync();
  process.exit(0);
} catch (error) {
  const failure = asPeerweaveError(error);
  const json = process.argv.includes('--json');
  if (json) print(JSON.stringify({ event: 'error', reason: failure.reason, message: failure.message }));
  process.stderr.write(`peerweave: ${plain(failure.message)}\n`);
  process.exit(1);
}
