import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { duplexPair, type Duplex } from 'node:stream';
import type { MarkerMergeRequest } from '../../../extension/src/p2p/repo/marker-merge.ts';
import type { MoveRequest } from '../../../extension/src/p2p/repo/repository.ts';
import type { Strategy } from '../../../extension/src/p2p/sync/strategy.ts';
import type { BranchName, Oid, PeerId, RefName } from '../../../extension/src/shared/ids.ts';

/**
 * An engine that is about to die, in a process of its own (see `crash.test.ts`). Does one thing to a repository; with
 * `dieBefore: n` it is killed before its n-th call that changes the file system, with `count` it tells how many there are.
 */
export interface CrashOrder {
  readonly root: string;
  readonly git?: string;
  readonly dieBefore?: number;
  readonly move?: MoveRequest;
  readonly markers?: MarkerMergeRequest;
  readonly clone?: { readonly from: string; readonly refs: readonly (readonly [RefName, Oid])[] };
  readonly receive?: { readonly from: string; readonly refs: readonly (readonly [RefName, Oid])[] };
  /** Until `main` has all that the peer has. */
  readonly sync?: {
    readonly from: string;
    readonly refs: readonly (readonly [RefName, Oid])[];
    readonly strategy: Strategy;
  };
  readonly undo?: boolean;
}

export interface CrashReport {
  readonly calls: number;
  readonly result: unknown;
}

const order = JSON.parse(process.argv[2] ?? '{}') as CrashOrder;
const PEER = `SHA256:${'A'.repeat(43)}` as PeerId;
let calls = 0;

type Asynchronous = (...args: unknown[]) => unknown;
const CHANGES = ['rename', 'rm', 'link', 'mkdir', 'writeFile', 'copyFile', 'utimes', 'open'] as const;

/** Counts calls, and dies before the chosen one as if the power went: no handler runs. */
function armCrash(): void {
  const promises = fs.promises as unknown as Record<(typeof CHANGES)[number], Asynchronous>;
  for (const name of CHANGES) {
    const original = promises[name];
    promises[name] = (...args) => {
      calls += 1;
      if (calls === order.dieBefore) process.kill(process.pid, 'SIGKILL');
      return original(...args);
    };
  }
  const { writeFileSync } = fs;
  fs.writeFileSync = (...args: Parameters<typeof writeFileSync>) => {
    calls += 1;
    if (calls === order.dieBefore) process.kill(process.pid, 'SIGKILL');
    writeFileSync(...args);
  };
  syncBuiltinESMExports();
}

/** What a link to the peer is in a session: its `git upload-pack`. */
const connectTo = (root: string) => async (): Promise<Duplex> => {
  const { stdin, stdout } = spawn('git', ['upload-pack', root], { stdio: ['pipe', 'pipe', 'ignore'] });
  const [ours, theirs] = duplexPair();
  // Git closes its input while its last output is still on the way.
  stdin.on('error', () => undefined);
  theirs.on('error', () => undefined).pipe(stdin);
  stdout.pipe(theirs);
  return ours;
};

const { SystemGitProvider } = await import('../../../extension/src/p2p/repo/git/provider.ts');
const provider = new SystemGitProvider(order.git === undefined ? {} : { git: order.git });
const repository = order.clone === undefined ? await provider.open(order.root) : undefined;
armCrash();

async function perform(): Promise<unknown> {
  if (order.clone !== undefined) {
    const { from, refs } = order.clone;
    const more = { directory: order.root, objectFormat: 'sha1', head: 'main' as BranchName } as const;
    const request = { peer: PEER, namespace: 'alice', refs: new Map(refs), connect: connectTo(from) };
    return provider.clone({ ...more, ...request }).then(() => 'cloned', String);
  }
  if (repository !== undefined && order.sync !== undefined) {
    const { syncUntilDone } = await import('./crashing-sync.ts');
    const { from, refs, strategy } = order.sync;
    return syncUntilDone(repository, { peer: PEER, refs: new Map(refs), strategy, connect: connectTo(from) });
  }
  if (order.undo === true) return repository?.undo();
  if (order.move !== undefined) return repository?.moveBranch(order.move);
  if (order.markers !== undefined) return repository?.markerMerges.begin(order.markers);
  const { from, refs } = order.receive ?? { from: '', refs: [] };
  const request = { peer: PEER, namespace: 'alice', refs: new Map(refs), connect: connectTo(from) };
  return repository?.receive(request).then(({ moves }) => moves.length, String);
}

const result = await perform();
const report: CrashReport = { calls, result };
process.stdout.write(JSON.stringify(report));
process.exit();
