import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CrashOrder } from './crashing-engine.ts';
import type { Scene } from './crash-scene.ts';

/** Every call after which the disk is in another state that another process can see, or a power cut leaves. */
const CALLS = ['rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'link', 'linkat', 'fsync', 'fdatasync'];
/** `?`: some machines do not have all of them. */
const SET = CALLS.map((call) => `?${call}`).join(',');
const QUIET = ['-qq', '-e', 'signal=none'];

/** The engine dies before its `nth` such call, or the `turn`-th git of a command does, and with it the engine. */
export interface CrashPoint {
  readonly victim: 'engine' | 'git';
  /** For git only: the command, and which of that command. */
  readonly command: string;
  readonly turn: number;
  readonly call: string;
  readonly nth: number;
}

type Order = Omit<CrashOrder, 'root' | 'git'>;

/** Lets the order happen on the scene, and resolves to every point of it. */
export async function census(scene: Scene, order: Order): Promise<CrashPoint[]> {
  const counts = join(scene.folder, 'census');
  mkdirSync(counts);
  const git = counted(
    scene,
    `exec strace ${QUIET.join(' ')} -o ${counts}/git.$command.$turn -e trace='${SET}' git "$@"`,
  );
  // `-b execve` lets go of its git processes, which are counted on their own.
  const via = ['strace', ...QUIET, '-f', '-ff', '-b', 'execve', '-o', join(counts, 'engine'), '-e', `trace=${SET}`];
  if ((await scene.run({ ...order, git }, via)) === undefined) throw new Error('the engine died by itself');
  return readdirSync(counts)
    .sort()
    .flatMap((name) => {
      const [victim = '', command = '', turn] = name.split('.');
      const log = readFileSync(join(counts, name), 'utf8').split('\n');
      const calls: string[] = log.flatMap((line) => /^\w+(?=\()/.exec(line) ?? []);
      const git = victim === 'git';
      return calls.map((call, index) => ({
        victim: git ? ('git' as const) : ('engine' as const),
        command: git ? command : '',
        turn: git ? Number(turn) : 1,
        call,
        // Strace counts each call on its own.
        nth: calls.slice(0, index + 1).filter((other) => other === call).length,
      }));
    });
}

/** Lets the order begin on the scene and ends it at the point. Throws when the point never came. */
export async function crash(scene: Scene, order: Order, point: CrashPoint): Promise<void> {
  const { call, nth } = point;
  const inject = `-e trace=${call} -e inject=${call}:signal=SIGKILL:when=${nth}`;
  let survived;
  if (point.victim === 'engine') {
    const via = ['strace', ...QUIET, '-f', '-b', 'execve', '-o', '/dev/null', ...inject.split(' ')];
    survived = await scene.run(order, via);
  } else {
    const { command, turn } = point;
    const lines = [
      `if [ $command.$turn != ${command}.${turn} ]; then exec git "$@"; fi`,
      `strace ${QUIET.join(' ')} -o /dev/null ${inject} git "$@"`,
      'code=$?',
      'if [ $code = 137 ]; then kill -KILL $PPID; fi',
      'exit $code',
    ];
    survived = await scene.run({ ...order, git: counted(scene, lines.join('\n')) });
  }
  if (survived !== undefined) throw new Error(`the point never came: ${JSON.stringify(survived)}`);
}

/** A `git` that knows its command and how many of that command came before, and then does `body`. */
function counted(scene: Scene, body: string): string {
  const path = join(scene.folder, 'counted-git');
  const turns = join(scene.folder, 'turns');
  mkdirSync(turns);
  const script = [
    '#!/bin/sh',
    'for word in "$@"; do case "$word" in -*|*=*|*/*) ;; *) command=$word; break ;; esac; done',
    `turn=1; until mkdir ${turns}/$command.$turn 2>/dev/null; do turn=$((turn + 1)); done`,
    body,
  ];
  writeFileSync(path, `${script.join('\n')}\n`, { mode: 0o755 });
  return path;
}
