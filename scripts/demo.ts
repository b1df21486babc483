/**
 * `npm run demo [-- REPO]`: shares a real repository between two engines in separate processes, commits on both sides and
 * shows what happens and how long it takes. Works on clones in a temporary folder, which it leaves to look at.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { EngineProcess, type TimedEvent } from '../test/support/engine-process.ts';

const source = resolve(process.argv[2] ?? join(import.meta.dirname, '..'));
const scratch = mkdtempSync(join(tmpdir(), 'peerweave-demo-'));
const started = performance.now();
const [alice, bob] = [join(scratch, 'alice'), join(scratch, 'bob')];
const latencies: { what: string; ms: number }[] = [];

const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

function say(who: string, text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(2).padStart(6);
  console.log(`${seconds} s  ${who.padEnd(6)}  ${text}`);
}

/** A clone of its own, so that the demo never touches the repository it was given. */
function prepare(): void {
  try {
    if (git(source, 'rev-parse', '--is-shallow-repository') !== 'false') throw new Error('shallow');
    execFileSync('git', ['clone', '--quiet', '--no-local', source, alice], { stdio: 'inherit' });
    git(alice, 'remote', 'remove', 'origin');
  } catch {
    if (process.argv[2] !== undefined) throw new Error(`${source} is not a complete git repository.`);
    // A source archive has no history to share.
    git(scratch, 'init', '--quiet', '--initial-branch=main', alice);
    writeFileSync(join(alice, 'README.md'), '# Demo\n');
    git(alice, 'add', '.');
    commit(alice, 'Alice', 'Begin');
  }
}

function commit(repo: string, who: string, message: string): string {
  const identity = ['-c', `user.name=${who}`, '-c', `user.email=${who.toLowerCase()}@example.org`];
  git(repo, ...identity, 'commit', '--quiet', '--allow-empty', '--message', message);
  return git(repo, 'rev-parse', 'HEAD');
}

async function measure(what: string, begin: () => string, arrive: (oid: string) => Promise<TimedEvent>): Promise<void> {
  const oid = begin();
  const from = performance.now();
  const event = await arrive(oid);
  const ms = Math.max(0, event.at - from);
  latencies.push({ what, ms });
  say('', `${what}: there after ${ms.toFixed(0)} ms`);
}

function narrate(who: string, engine: EngineProcess): void {
  let told = 0;
  const tell = (): void => {
    for (const event of engine.events.slice(told)) {
      if (event.event === 'peer')
        say(who, `${event.peer} is ${event.state}${event.route === undefined ? '' : ` over ${event.route}`}`);
      if (event.event === 'ref') say(who, `${event.ref} → ${event.to?.slice(0, 8) ?? '(deleted)'} by ${event.by}`);
      if (event.event === 'session' && event.invite === undefined) say(who, `session is ${event.phase}`);
      if (event.event === 'error') say(who, `error: ${event.message}`);
    }
    told = engine.events.length;
  };
  engine.child.stdout.on('data', () => setImmediate(tell));
}

async function main(): Promise<void> {
  prepare();
  const branch = git(alice, 'symbolic-ref', '--short', 'HEAD');
  const commits = Number(git(alice, 'rev-list', '--count', 'HEAD'));
  say('', `sharing ${source} (${commits} commits, on ${branch})`);

  const host = new EngineProcess(
    ['share', '--repo', alice, '--name', 'Alice', '--listen', '127.0.0.1:0', '--approve', 'auto', '--json'],
    { home: join(scratch, 'alice-home') },
  );
  narrate('Alice', host);
  const invite = await host.invite();
  say('Alice', 'is sharing; Bob joins with the invite');

  const joined = performance.now();
  const guest = new EngineProcess(['join', bob, '--name', 'Bob', '--listen', '127.0.0.1:0', '--json'], {
    home: join(scratch, 'bob-home'),
    input: invite,
  });
  narrate('Bob', guest);
  const synced = await guest.event((event) => event.event === 'synced');
  latencies.push({ what: 'join: clone everything', ms: synced.at - joined });

  try {
    const head = `refs/heads/${branch}`;
    for (let n = 1; n <= 5; n++) {
      await measure(
        `commit ${n} by Alice`,
        () => commit(alice, 'Alice', `Alice ${n}`),
        (oid) => guest.ref(head, oid),
      );
      await measure(
        `commit ${n} by Bob`,
        () => commit(bob, 'Bob', `Bob ${n}`),
        (oid) => host.ref(head, oid),
      );
    }
    await measure(
      'branch by Bob',
      () => {
        git(bob, 'branch', 'idea');
        return git(bob, 'rev-parse', 'idea');
      },
      (oid) => host.ref('refs/heads/idea', oid),
    );
    await measure(
      'tag by Alice',
      () => {
        git(alice, 'tag', 'demo-1');
        return git(alice, 'rev-parse', 'demo-1');
      },
      (oid) => guest.ref('refs/tags/demo-1', oid),
    );
  } finally {
    await Promise.all([guest.stop(), host.stop()]);
  }

  summary(branch);
}

function summary(branch: string): void {
  const width = Math.max(...latencies.map(({ what }) => what.length));
  console.log(`\n${'step'.padEnd(width)}        ms`);
  for (const { what, ms } of latencies) console.log(`${what.padEnd(width)}  ${ms.toFixed(0).padStart(8)}`);
  const [a, b] = [git(alice, 'rev-parse', branch), git(bob, 'rev-parse', branch)];
  if (a !== b) throw new Error(`${branch} differs: Alice has ${a}, Bob has ${b}`);
  for (const repo of [alice, bob]) git(repo, 'fsck', '--strict');
  console.log(
    `\n${branch} is at ${a.slice(0, 12)} in both clones; both pass git fsck.\n\n  Alice  ${alice}\n  Bob    ${bob}`,
  );
}

await main();
