import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../../support/browser.ts';
import { until } from '../harness/until.ts';
import { packExtension } from '../harness/vsix.ts';
import { Workbench, type WorkbenchOptions } from './workbench.ts';

/** A browser, a packed extension and a scratch folder, for as many people as a suite needs. */
export class Stage {
  readonly directory: string;
  private readonly vsix: string;
  private readonly browser: Browser;
  private readonly workbenches: Workbench[] = [];

  private constructor(directory: string, vsix: string, browser: Browser) {
    this.directory = directory;
    this.vsix = vsix;
    this.browser = browser;
  }

  static async set(): Promise<Stage> {
    const directory = await realpath(await mkdtemp(join(tmpdir(), 'peerweave-stage-')));
    try {
      const vsix = process.env.PEERWEAVE_TEST_VSIX ?? (await packExtension(directory));
      return new Stage(directory, vsix, await launchBrowser());
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Seats someone at a workbench. Their files are in `<directory>/<first name>`. */
  async seat(name: string, options: Partial<WorkbenchOptions> = {}): Promise<Workbench> {
    const directory = this.home(name);
    const workbench = await Workbench.open(this.browser, { name, directory, vsix: this.vsix, ...options });
    this.workbenches.push(workbench);
    return workbench;
  }

  home(name: string): string {
    return join(this.directory, (name.split(' ')[0] ?? name).toLowerCase());
  }

  /** A repository with one commit. */
  async repository(name: string): Promise<string> {
    const folder = join(this.directory, name);
    await mkdir(folder, { recursive: true });
    git(folder, 'init', '-q', '-b', 'main');
    await commit(folder, 'README.md', 'Notes on the engine\n');
    return folder;
  }

  /** Pids of the engines that run from someone's installed extension. */
  engines(name: string): number[] {
    const bundle = join(this.home(name), 'server', 'extensions');
    const isEngine = (pid: number): boolean => {
      const [, ...args] = commandLine(pid);
      return args.some((arg) => arg.startsWith(bundle) && arg.endsWith('engine.cjs'));
    };
    // A child of an engine goes by the engine's command line until it has become another program.
    return runningPids().filter((pid) => isEngine(pid) && !isEngine(parentOf(pid)));
  }

  /** Does something of which someone's engine hears afterwards: it stands still meanwhile, and not while it is at the index of `folder`. */
  async whileStill<T>(name: string, folder: string, run: () => Promise<T>): Promise<T> {
    const engines = this.engines(name);
    const signal = (kind: 'SIGSTOP' | 'SIGCONT'): void => engines.forEach((pid) => process.kill(pid, kind));
    await until(() => {
      signal('SIGSTOP');
      const free = !existsSync(join(folder, '.git', 'index.lock'));
      if (!free) signal('SIGCONT');
      return free;
    });
    try {
      return await run();
    } finally {
      signal('SIGCONT');
    }
  }

  /** What everyone sees, as `failed-….png`. */
  async photograph(step: string): Promise<void> {
    await Promise.allSettled(this.workbenches.map((workbench) => workbench.screenshot(step)));
  }

  async strike(): Promise<void> {
    await Promise.allSettled(this.workbenches.map((workbench) => workbench.close()));
    await this.browser.close();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

const runningPids = (): number[] => readdirSync('/proc').map(Number).filter(Number.isInteger);

/** 0 for a process that is gone. */
function parentOf(pid: number): number {
  // The name, in parentheses, may hold anything; the state and the parent follow it (proc(5)).
  return Number(textOf(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[1] ?? 0);
}

const commandLine = (pid: number): string[] => textOf(`/proc/${pid}/cmdline`).split('\0');

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

export function git(folder: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=Someone', '-c', 'user.email=someone@example.org'];
  return execFileSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** Commits one file the way people do who have a terminal open beside the editor; returns the commit. */
export async function commit(folder: string, file: string, text: string): Promise<string> {
  await writeFile(join(folder, file), text);
  await patiently(() => git(folder, 'add', file));
  await patiently(() => git(folder, 'commit', '-q', '-m', `Add ${file}`));
  return git(folder, 'rev-parse', 'HEAD');
}

/** Tries again, as a person would, while the editor's Git extension or the engine is at the index. */
async function patiently(run: () => string): Promise<void> {
  await until(() => {
    try {
      run();
      return true;
    } catch (error) {
      if (error instanceof Error && error.message.includes('index.lock')) return false;
      throw error;
    }
  });
}
