import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  requests,
  type RequestMethod,
  type RequestParams,
  type RequestResult,
} from '../../../extension/src/rpc/contract.ts';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { commit, git } from '../../support/git.ts';
import { worldOfTwo, type Person, type World } from '../../support/people.ts';
import { ENGINE, lspFrames, StdioEngine } from './stdio-engine.ts';

const SETTINGS = { listen: '127.0.0.1:0', approve: 'auto' as const };

let world: World;
let alice: Person;
let bob: Person;
let started: StdioEngine[];
beforeEach(() => {
  ({ world, alice, bob } = worldOfTwo());
  started = [];
});
afterEach(async () => {
  for (const engine of started) engine.kill();
  await world.end();
});

function engineOf(person: Person): StdioEngine {
  const engine = new StdioEngine(person.home);
  started.push(engine);
  return engine;
}

async function ready(person: Person): Promise<StdioEngine> {
  const engine = engineOf(person);
  await engine.initialize();
  await engine.ask('peerweave/configure', {});
  return engine;
}

/** Asks an engine, and notes what was asked. */
type Ask = <M extends RequestMethod>(
  engine: StdioEngine,
  method: M,
  params: RequestParams<M>,
) => Promise<RequestResult<M>>;

/** The reason of an answer that is an error. */
async function refusal(answer: Promise<unknown>): Promise<unknown> {
  try {
    return { answered: await answer };
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    return (error.data as { reason?: string } | undefined)?.reason ?? error.code;
  }
}

describe('the contract', () => {
  it('every method answers what is valid with what its schema says', async () => {
    const host = await ready(alice);
    const guest = engineOf(bob);
    await guest.initialize();
    const { pem, peer } = createIdentity();
    const configured = await guest.ask('peerweave/configure', { identity: pem });
    expect(configured).toEqual({ fingerprint: peer });

    const asked = new Set<RequestMethod>(['peerweave/configure']);
    const ask = <M extends RequestMethod>(engine: StdioEngine, method: M, params: RequestParams<M>) => {
      asked.add(method);
      return engine.ask(method, params);
    };
    const { repo } = alice;
    expect(await ask(host, 'peerweave/inspectFolder', { directory: repo })).toMatchObject({ kind: 'ready' });
    const fresh = join(world.folder.path, 'fresh');
    mkdirSync(fresh);
    expect(await ask(host, 'peerweave/inspectFolder', { directory: fresh })).toMatchObject({ kind: 'no-repository' });
    await ask(host, 'peerweave/initRepository', { directory: fresh });
    expect(existsSync(join(fresh, '.git'))).toBe(true);

    const shared = await ask(host, 'peerweave/share', {
      repo,
      name: 'Alice',
      settings: { ...SETTINGS, approve: 'ask' },
    });
    expect(shared.invite).toMatch(/^vscode:\/\/peerweave\.peerweave\/join#pw1-/);
    const { invite } = await ask(host, 'peerweave/invite', { repo, uriScheme: 'code-oss' });
    expect(invite).toMatch(/^code-oss:/);
    expect(await ask(guest, 'peerweave/inspectInvite', { invite })).toMatchObject({ hostName: 'Alice' });

    const elsewhere = join(world.folder.path, 'elsewhere');
    const given = refusal(
      guest.ask('peerweave/join', { invite, directory: elsewhere, name: 'Bob', settings: SETTINGS }),
    );
    await host.event((event) => event.event === 'peer' && event.state === 'waiting');
    await ask(guest, 'peerweave/cancelJoin', { directory: elsewhere });
    expect(await given).toBe('cancelled');
    expect(existsSync(elsewhere)).toBe(false);

    const joined = ask(guest, 'peerweave/join', { invite, directory: bob.repo, name: 'Bob', settings: SETTINGS });
    const approved = async (): Promise<string> => {
      for (;;) {
        const { sessions } = await ask(host, 'peerweave/state', {});
        const waiting = sessions[0]?.approvals.find(({ name }) => name === 'Bob');
        if (waiting !== undefined) return waiting.id;
      }
    };
    await ask(host, 'peerweave/approve', { repo, id: await approved(), decision: 'allow' });
    await joined;
    await guest.event((event) => event.event === 'synced');
    commit(repo, { '.vscode/tasks.json': '{}\n' });
    await ask(host, 'peerweave/sync', { repo });
    const { session } = await ask(guest, 'peerweave/sync', { repo: bob.repo });
    expect(session.pending).toMatchObject([{ branch: 'main' }]);
    await ask(guest, 'peerweave/applyPending', { repo: bob.repo, branch: 'main' });
    expect(git(bob.repo, 'rev-parse', 'main')).toBe(git(repo, 'rev-parse', 'main'));
    const { entries } = await ask(guest, 'peerweave/activity', { repo: bob.repo });
    expect(entries).toMatchObject([{ kind: 'fast-forward', branch: 'main', by: 'Alice' }]);
    const { undone } = await ask(guest, 'peerweave/undo', { repo: bob.repo });
    expect(undone).toMatchObject({ id: entries[0]?.id, undone: true });
    await settleTwice(host, guest, ask);
    const { text } = await ask(guest, 'peerweave/diagnostics', {});
    expect(text).toContain(peer);
    expect(text).not.toContain(world.folder.path);

    await ask(guest, 'peerweave/settings', { settings: { ...SETTINGS, uploadLimit: 1_000 } });
    await ask(guest, 'peerweave/suspend', { repo: bob.repo });
    expect(await ask(guest, 'peerweave/inspectFolder', { directory: bob.repo })).toMatchObject({ resumable: true });
    await ask(guest, 'peerweave/resume', { repo: bob.repo, settings: SETTINGS });
    await ask(guest, 'peerweave/leave', { repo: bob.repo });
    expect(await ask(guest, 'peerweave/inspectFolder', { directory: bob.repo })).toMatchObject({ resumable: false });
    expect([...asked].sort()).toEqual(Object.keys(requests).sort());

    for (const engine of [host, guest]) {
      expect(await engine.shutDown()).toBe(0);
      expect(engine.stderr).toBe('');
      // SE8: what an engine says of itself, in logs and events, gives no secret away.
      const said = lspFrames(Buffer.concat(engine.output)) as { method?: string }[];
      const unasked = JSON.stringify(said.filter(({ method }) => method !== undefined));
      expect(unasked).not.toContain(/#(pw1-.{40})/.exec(invite)?.[1]);
      expect(unasked).not.toContain('PRIVATE KEY');
    }
  });

  /** Bob's branch diverges from Alice's, and is settled: once by taking hers, once by markers. */
  async function settleTwice(host: StdioEngine, guest: StdioEngine, ask: Ask): Promise<void> {
    const { repo } = bob;
    // So that neither builds on the other's.
    for (const engine of [host, guest])
      await ask(engine, 'peerweave/settings', { settings: { ...SETTINGS, autoSync: false } });
    const diverge = async (file: string): Promise<string[]> => {
      commit(alice.repo, { [file]: 'of Alice\n' });
      commit(repo, { [file]: 'of Bob\n' });
      await ask(host, 'peerweave/sync', { repo: alice.repo });
      const { session } = await ask(guest, 'peerweave/sync', { repo });
      return session.conflicts.flatMap(({ candidates }) => candidates.map(({ oid }) => oid));
    };
    const tips = await diverge('f');
    const [mine = '', theirs = ''] = tips;
    const about = { repo, branch: 'main' };
    await ask(guest, 'peerweave/resolving', { ...about, active: true });
    const detail = await ask(guest, 'peerweave/conflict', about);
    expect(detail).toMatchObject({
      outcome: 'conflicts',
      files: [{ path: 'f' }],
      sides: [{ tip: mine }, { tip: theirs }],
    });
    const file = await ask(guest, 'peerweave/conflictFile', { ...about, path: 'f', theirs });
    expect(file).toMatchObject({ base: null, mine: { text: 'of Bob\n' }, theirs: { text: 'of Alice\n' } });
    const { version } = await ask(guest, 'peerweave/fileAt', { repo, commit: theirs, path: 'f' });
    expect(version).toEqual(file.theirs);
    await expect
      .poll(async () => (await ask(host, 'peerweave/state', {})).sessions[0]?.conflicts[0]?.resolving)
      .toMatchObject([{ name: 'Bob' }]);
    await ask(guest, 'peerweave/strategy', { ...about, strategy: 'manual' });
    // What was undone comes along, and runs code on open.
    const taking = { ...about, tips, resolution: { how: 'theirs' as const, tip: theirs } };
    expect(await refusal(ask(guest, 'peerweave/resolve', taking))).toBe('review-needed');
    await ask(guest, 'peerweave/resolve', { ...taking, reviewed: true });
    expect((await ask(guest, 'peerweave/kept', { repo })).kept).toMatchObject([{ branch: 'main', tip: mine }]);
    await ask(guest, 'peerweave/restoreKept', { repo, tip: mine, name: 'of-bob' });
    expect(git(repo, 'rev-parse', 'of-bob')).toBe(mine);

    git(repo, 'branch', '-D', 'of-bob');
    const again = await diverge('g');
    const [, hers = ''] = again;
    const marking = { ...about, tips: again, theirs: hers };
    await ask(guest, 'peerweave/mergeWithMarkers', marking);
    await ask(guest, 'peerweave/abortMerge', { repo });
    const { files } = await ask(guest, 'peerweave/mergeWithMarkers', marking);
    expect(files).toEqual(['g']);
    expect(await ask(guest, 'peerweave/markerMerge', { repo })).toMatchObject({ merge: { branch: 'main' } });
    expect(await refusal(ask(guest, 'peerweave/completeMerge', { repo }))).toBe('conflict-unresolved');
    writeFileSync(join(repo, 'g'), 'of both\n');
    git(repo, 'add', 'g');
    const { commit: merged } = await ask(guest, 'peerweave/completeMerge', { repo });
    expect(git(repo, 'rev-parse', 'main')).toBe(merged);
  }

  it('what is not valid is answered with bad-request, what is unknown with MethodNotFound', async () => {
    const engine = await ready(alice);
    for (const method of Object.keys(requests) as RequestMethod[]) {
      // Nothing is required of these two and the one that sets the identity.
      const lenient = ['peerweave/state', 'peerweave/diagnostics'].includes(method);
      const bad =
        method === 'peerweave/configure' ? [{ identity: 7 }] : [{ nonsense: true }, { repo: 7, directory: 7 }];
      for (const params of lenient ? [[1]] : [...bad, [], [1]]) {
        if (method === 'peerweave/configure' && Array.isArray(params) && params.length === 0) continue;
        const answer = await refusal(engine.connection.sendRequest(method, params));
        expect([method, params, answer]).toEqual([method, params, 'bad-request']);
      }
    }
    expect(await refusal(engine.connection.sendRequest('peerweave/none', {}))).toBe(ErrorCodes.MethodNotFound);
    expect(await refusal(engine.ask('peerweave/configure', { identity: 'no key' }))).toBe('bad-request');
    for (const method of ['leave', 'suspend', 'sync', 'resume', 'invite'] as const) {
      const params = { repo: alice.repo, settings: SETTINGS };
      expect(await refusal(engine.connection.sendRequest(`peerweave/${method}`, params))).toBe('no-session');
    }
    expect((await engine.ask('peerweave/state', {})).sessions).toEqual([]);
  });

  it('a repository is shared once, however often that is asked for', async () => {
    const engine = await ready(alice);
    const share = () => refusal(engine.ask('peerweave/share', { repo: alice.repo, name: 'Alice', settings: SETTINGS }));
    const answers = await Promise.all([share(), share(), share()]);
    expect(answers.filter((answer) => answer === 'already-shared')).toHaveLength(2);
    expect((await engine.ask('peerweave/state', {})).sessions).toHaveLength(1);
    await engine.ask('peerweave/leave', { repo: alice.repo });
    expect(await share()).toMatchObject({ answered: {} });
  });

  it('a linked worktree and a subfolder are looked into like the repository itself', async () => {
    const engine = await ready(alice);
    const worktree = join(world.folder.path, 'worktree');
    git(alice.repo, 'worktree', 'add', '--quiet', '-b', 'other', worktree);
    await engine.ask('peerweave/share', { repo: alice.repo, name: 'Alice', settings: SETTINGS });
    for (const directory of [worktree, alice.repo]) {
      expect(await engine.ask('peerweave/inspectFolder', { directory })).toMatchObject({
        kind: 'ready',
        resumable: true,
      });
    }
  });
});

/** Starts an engine below a process of its own, says what that process is to say, and resolves to both. */
async function below(lines: readonly string[]): Promise<{ parent: ReturnType<typeof spawn>; gone: Promise<unknown> }> {
  // The engine inherits the parent's stderr, which therefore stays open until both are gone.
  const program = `
    const engine = require('child_process').spawn(process.execPath, [${JSON.stringify(ENGINE)}], { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    engine.stdout.on('data', (data) => { output += data; while (output.includes('"id":')) { output = output.slice(output.indexOf('"id":') + 5); console.log('answer'); } });
    for (const line of ${JSON.stringify(lines)}) {
      const text = line.replace('"@pid"', process.pid);
      engine.stdin.write('Content-Length: ' + Buffer.byteLength(text) + '\\r\\n\\r\\n' + text);
    }
    console.log('began');`;
  const parent = spawn(process.execPath, ['-e', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PEERWEAVE_HOME: alice.home },
  });
  const gone = once(parent.stderr, 'close');
  parent.stderr.resume();
  let answers = lines.filter((line) => line.includes('"id"')).length;
  for await (const chunk of parent.stdout) {
    answers -= (chunk as Buffer).toString().split('answer').length - 1;
    if (answers <= 0) break;
  }
  return { parent, gone };
}

const message = (body: object): string => JSON.stringify({ jsonrpc: '2.0', ...body });
const INITIALIZE = message({
  id: 1,
  method: 'initialize',
  params: { processId: '@pid', rootUri: null, capabilities: {} },
});
const INITIALIZED = message({ method: 'initialized', params: {} });

describe('[ED6] the engine’s process', () => {
  it('goes when its parent is killed', async () => {
    const share = { repo: alice.repo, name: 'Alice', settings: SETTINGS };
    const { parent, gone } = await below([
      INITIALIZE,
      INITIALIZED,
      message({ id: 2, method: 'peerweave/share', params: share }),
    ]);
    parent.kill('SIGKILL');
    await gone;
    // It went in order: the session is there to resume, and nobody holds the repository.
    expect(existsSync(join(alice.repo, '.git/peerweave/session.json'))).toBe(true);
    expect(existsSync(join(alice.repo, '.git/peerweave/engine.json'))).toBe(false);
  });

  it('goes when its parent is killed before it has said anything', async () => {
    const { parent, gone } = await below([]);
    parent.kill('SIGKILL');
    await gone;
  });

  it('goes in order when it is asked to by a signal', async () => {
    const engine = await ready(alice);
    await engine.ask('peerweave/share', { repo: alice.repo, name: 'Alice', settings: SETTINGS });
    engine.child.kill('SIGTERM');
    expect(await engine.exited()).toBe(0);
    expect(existsSync(join(alice.repo, '.git/peerweave/session.json'))).toBe(true);
    expect(existsSync(join(alice.repo, '.git/peerweave/engine.json'))).toBe(false);
  });

  it('tells the others that it only went to come back', async () => {
    const host = await ready(alice);
    const { invite } = await host.ask('peerweave/share', { repo: alice.repo, name: 'Alice', settings: SETTINGS });
    const guest = world.join(bob, invite);
    await guest.event((event) => event.event === 'synced');
    host.child.stdin.end();
    expect(await host.exited()).not.toBeNull();
    await guest.event((event) => event.event === 'peer' && event.state === 'offline');
    expect(guest.events.some((event) => event.event === 'peer' && event.state === 'left')).toBe(false);
    expect(JSON.parse(readFileSync(join(alice.repo, '.git/peerweave/session.json'), 'utf8'))).toMatchObject({ v: 1 });
  });
});
