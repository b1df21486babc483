import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { ServerProcess } from './server-process.ts';
import type { StockServer } from './stock-server.ts';

/** OpenSSH insists on an absolute path to itself. */
const SSHD = '/usr/sbin/sshd';
/** Where sshd keeps its unprivileged half when root runs it; systemd makes it on machines that run the service. */
const PRIVILEGE_SEPARATION = '/run/sshd';

/** An sshd of our own on loopback with keys of its own, that lets nobody in but us. Undefined where OpenSSH is not installed. */
export async function startSshServer(root: string, scratch: string): Promise<StockServer | undefined> {
  if (!existsSync(SSHD)) return undefined;
  if (process.getuid?.() === 0) mkdirSync(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
  const folder = join(scratch, 'sshd');
  mkdirSync(folder, { mode: 0o700 });
  const [hostKey, userKey] = ['host', 'user'].map((name) => makeKey(join(folder, name))) as [string, string];
  const authorized = join(folder, 'authorized_keys');
  writeFileSync(authorized, readFileSync(`${userKey}.pub`), { mode: 0o600 });
  const port = await freePort();
  const config = join(folder, 'config');
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${authorized}`,
    `PidFile none`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const server = await ServerProcess.start(SSHD, ['-D', '-e', '-q', '-f', config], port);
  const known = join(folder, 'known_hosts');
  writeFileSync(known, `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`);
  const ssh = `ssh -F none -i ${userKey} -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes -o UserKnownHostsFile=${known}`;
  return {
    url: (name) => `ssh://${userInfo().username}@127.0.0.1:${port}${join(root, name)}`,
    env: { GIT_SSH_COMMAND: ssh },
    pid: server.pid,
    stop: () => server.stop(),
  };
}

function makeKey(path: string): string {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  return path;
}
