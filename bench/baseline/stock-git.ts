import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Git as it comes: no configuration of the user or the system, in either contender's processes. */
export const STOCK_ENV: Readonly<Record<string, string>> = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  LC_ALL: 'C',
};

/** Runs git to its end and resolves to how long that took, in milliseconds. Throws with its stderr when it fails. */
export async function timeGit(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  const started = performance.now();
  const child = spawn('git', args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...STOCK_ENV, ...env },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'exit')) as [number | null];
  const elapsed = performance.now() - started;
  if (code !== 0) throw new Error(`git ${args.join(' ')} failed: ${stderr}`);
  return elapsed;
}
