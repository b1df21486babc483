import { execFile, execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect } from 'vitest';
import { fsck, git, tempFolder } from '../../support/git.ts';
import { provider } from '../../support/two-repositories.ts';
import type { CrashOrder, CrashReport } from './crashing-engine.ts';

export type Victim = 'machine' | 'git';

/** The n-th system call of a kind in a git command. */
export type GitPoint = readonly [victim: Victim, command: string, call: string, nth: number];

/** Where engines die: a folder of their own for each point, and the engine as one file, which starts faster. */
export class CrashStage {
  readonly temp = tempFolder();
  readonly engine = join(this.temp.path, 'engine.mjs');
  private scenes = 0;

  async prepare(): Promise<void> {
    const source = join(import.meta.dirname, 'crashing-engine.ts');
    await build({
      entryPoints: [source],
      outfile: this.engine,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node22',
    });
  }

  scene(): Scene {
    const folder = join(this.temp.path, `scene-${(this.scenes += 1)}`);
    mkdirSync(folder);
    return new Scene(folder, this.engine);
  }

  /** Plays every point on a scene of its own, some at a time: they wait for processes mostly. */
  async play<T>(points: readonly T[], act: (scene: Scene, point: T) => Promise<void>): Promise<void> {
    const left = [...points];
    const worker = async (): Promise<void> => {
      for (let point = left.shift(); point !== undefined; point = left.shift()) {
        const scene = this.scene();
        await act(scene, point).catch((error: unknown) => {
          throw new Error(`at ${JSON.stringify(point)}: ${String(error)}`, { cause: error });
        });
        scene.end();
      }
    };
    await Promise.all([worker(), worker(), worker()]);
  }
}

/** A repository of Bob's that something is about to happen to. */
export class Scene {
  readonly root: string;
  /** For what belongs to the scene and not to the repository. */
  readonly folder: string;
  private readonly engine: string;

  constructor(folder: string, engine: string) {
    this.folder = folder;
    this.root = join(folder, 'bob');
    this.engine = engine;
  }

  /** The report of an engine that lived; undefined when it was killed. `via` is a command that runs it. */
  run(order: Omit<CrashOrder, 'root'>, via: readonly string[] = []): Promise<CrashReport | undefined> {
    const full: CrashOrder = { root: this.root, ...order };
    const command = via[0] ?? process.execPath;
    const args = [...via, process.execPath, this.engine, JSON.stringify(full)].slice(1);
    // With one thread for the file system its calls come in the same order every time.
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
    return new Promise((resolve, reject) => {
      const child = execFile(command, args, { env }, (error, stdout, stderr) => {
        if (child.signalCode === 'SIGKILL') resolve(undefined);
        else if (error) reject(new Error(`${error.message}\n${stderr}`));
        else resolve(JSON.parse(stdout) as CrashReport);
      });
    });
  }

  /** The system calls of an engine that lived and of its git, in the order in which they returned; descriptors with their paths. */
  async trace(order: Omit<CrashOrder, 'root'>, calls: readonly string[]): Promise<string[]> {
    const full: CrashOrder = { root: this.root, ...order };
    const log = join(this.folder, 'trace');
    const strace = ['-f', '-y', '-qq', '-e', `trace=${calls.join(',')}`, '-o', log];
    await promisify(execFile)('strace', [...strace, process.execPath, this.engine, JSON.stringify(full)]);
    const begun = new Map<string, string>();
    return readFileSync(log, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const [, process = '', call = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
        if (call.endsWith('<unfinished ...>')) {
          begun.set(process, call.replace(/ *<unfinished \.\.\.>$/, ''));
          return [];
        }
        const rest = /^<\.\.\. \w+ resumed>(.*)$/.exec(call)?.[1];
        return rest === undefined ? [call] : [`${begun.get(process) ?? ''}${rest}`];
      });
  }

  /** A `git` that is killed at a point. It leaves a mark, so that no test passes for a point that never came. */
  fragileGit([victim, command, call, nth]: GitPoint): string {
    const path = join(this.folder, 'fragile-git');
    const strace = `strace -qq -o /dev/null -e trace=${call} -e inject=${call}:signal=SIGKILL:when=${nth}`;
    const script = [
      '#!/bin/sh',
      `case " $* " in *' ${command} '*) ;; *) exec git "$@" ;; esac`,
      `if [ -e ${this.folder}/killed ]; then exec git "$@"; fi`,
      `${strace} git "$@"`,
      'code=$?',
      `if [ $code = 137 ]; then touch ${this.folder}/killed; ${victim === 'machine' ? 'kill -KILL $PPID' : ':'}; fi`,
      'exit $code',
    ];
    writeFileSync(path, `${script.join('\n')}\n`, { mode: 0o755 });
    return path;
  }

  /** Opens the repository once more; nothing of the attempt is left then, but for `locks` (git's own, in the instant it took them). */
  async recover(locks: readonly string[] = []): Promise<void> {
    expect(await this.reopen()).toEqual(locks);
  }

  /** The same, and resolves to the locks that are left. */
  async reopen(): Promise<string[]> {
    (await provider.open(this.root)).dispose();
    const ours = join(this.root, '.git', 'peerweave');
    for (const name of ['staging', 'journal', 'journal-unreadable']) {
      expect(existsSync(join(ours, name)) ? readdirSync(join(ours, name)) : []).toEqual([]);
    }
    expect(git(this.root, 'count-objects', '-v')).toContain('garbage: 0');
    fsck(this.root);
    return globSync('**/*.lock', { cwd: join(this.root, '.git') });
  }

  get killed(): boolean {
    return existsSync(join(this.folder, 'killed'));
  }

  end(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** `count` of 1 … `last`: both ends, and others drawn by a fixed seed. */
export function sample(last: number, count: number): number[] {
  const pool = Array.from({ length: last }, (_, index) => index + 1);
  for (let state = 20_261_120; pool.length > count;) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    pool.splice(1 + (state % (pool.length - 2)), 1);
  }
  return pool;
}

/** Whether `strace` is here and may trace. */
export const canTrace = ((): boolean => {
  try {
    execFileSync('strace', ['-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('crash points inside git are skipped: strace is missing or may not trace here\n');
    return false;
  }
})();
