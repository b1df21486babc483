import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Disposable } from '../../../extension/src/shared/disposable.ts';
import { runCommand } from './command.ts';
import { isLeftover, ownName } from './owner.ts';

/** Files here appear as /etc/… to whoever runs in the namespace; see ip-netns(8). */
const ETC = '/etc/netns';

/** A network namespace: a machine of its own as far as the network goes. Whatever still runs in it dies with it. */
export class Namespace implements Disposable {
  readonly name: string;
  /** What to put before a command so that it runs in here; the command keeps the process that it gets. */
  readonly via: readonly [string, ...string[]];

  constructor(label: string) {
    this.name = ownName(label);
    this.via = ['ip', 'netns', 'exec', this.name];
    runCommand('ip', ['netns', 'add', this.name]);
    // Addresses are usable at once, without a search for duplicates.
    this.sysctl({ 'net/ipv6/conf/all/accept_dad': 0, 'net/ipv6/conf/default/accept_dad': 0 });
    this.ip('link set lo up');
  }

  /** Subcommands of ip(8), in order. */
  ip(...lines: readonly string[]): void {
    runCommand('ip', ['-n', this.name, '-batch', '-'], `${lines.join('\n')}\n`);
  }

  /** Commands or a ruleset of nft(8), as one transaction. */
  nft(ruleset: string): void {
    this.run('nft', ['-f', '-'], ruleset);
  }

  sysctl(values: Readonly<Record<string, number>>): void {
    const lines = Object.entries(values).map(([key, value]) => `echo ${value} > /proc/sys/${key}`);
    this.run('sh', ['-e'], lines.join('\n'));
  }

  /** Runs a command in here to its end and returns its output. */
  run(command: string, args: readonly string[], input = ''): string {
    return runCommand('ip', ['netns', 'exec', this.name, command, ...args], input);
  }

  /** What /etc/hosts says to processes that are started in here from now on. */
  hosts(text: string): void {
    const folder = join(ETC, this.name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'hosts'), text);
  }

  dispose(): void {
    remove(this.name);
  }
}

/** Removes what a run that was killed has left. */
export function sweepLeftovers(): void {
  namespaceNames().filter(isLeftover).forEach(remove);
}

const namespaceNames = (): string[] =>
  runCommand('ip', ['netns', 'list'])
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter(Boolean);

function remove(name: string): void {
  if (!namespaceNames().includes(name)) return;
  for (const pid of runCommand('ip', ['netns', 'pids', name]).split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  runCommand('ip', ['netns', 'delete', name]);
  rmSync(join(ETC, name), { recursive: true, force: true });
}
