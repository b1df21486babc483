import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { ServerProcess } from './server-process.ts';
import type { StockServer } from './stock-server.ts';

/** `git daemon` on loopback: neither encryption nor authentication, the least that serving git costs. */
export async function startGitDaemon(root: string): Promise<StockServer> {
  const port = await freePort();
  const execPath = execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim();
  // The program itself and not `git daemon`, whose process would only be its parent.
  const server = await ServerProcess.start(
    join(execPath, 'git-daemon'),
    ['--listen=127.0.0.1', `--port=${port}`, '--export-all', '--reuseaddr', `--base-path=${root}`, root],
    port,
  );
  return { url: (name) => `git://127.0.0.1:${port}/${name}`, env: {}, pid: server.pid, stop: () => server.stop() };
}
