import { spawnSync } from 'node:child_process';

/** Runs a command to its end and returns its standard output. Throws with its standard error when it fails. */
export function runCommand(command: string, args: readonly string[], input = ''): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input, encoding: 'utf8', timeout: 20_000 });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr.trim()}${input && `\n${input}`}`);
  return stdout;
}
