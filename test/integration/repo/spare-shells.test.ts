import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Git } from '../../../extension/src/p2p/repo/git/git.ts';
import { SpareShells } from '../../../extension/src/p2p/repo/git/spare-shells.ts';
import type { Disposable } from '../../../extension/src/shared/disposable.ts';
import { commit, initRepository, tempFolder, type TempFolder } from '../../support/git.ts';
import { provider } from '../../support/two-repositories.ts';

let temp: TempFolder;

beforeEach(() => {
  temp = tempFolder();
});

afterEach(() => temp.remove());

/** Process ids of our children that wait for a line. */
async function waiting(): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)]);
  return stdout.split('\n').flatMap((line) => (line.includes('read -r line') ? [Number.parseInt(line, 10)] : []));
}

const someWait = (): Promise<void> => expect.poll(waiting).not.toEqual([]);

describe.skipIf(process.platform !== 'linux')('spare shells', () => {
  let spares: SpareShells;
  let kept: Disposable;

  beforeEach(async () => {
    spares = new SpareShells(() => ({ PATH: process.env.PATH, COMMON: 'common' }));
    kept = spares.keep();
    await someWait();
  });

  afterEach(async () => {
    kept.dispose();
    await expect.poll(waiting).toEqual([]);
  });

  it('become the command: same process, its words and variables as they are, what follows the line on its input', async () => {
    const words = ['a b', "it's", '"$HOME" `id` $(id) \\n \\', '', '*', 'é;&|<>', 'ЁЂЃЄЅІЇЈ', '--'];
    const script =
      'process.stdin.pipe(process.stdout); console.log(JSON.stringify([process.pid, process.cwd(), process.argv.slice(1), process.env]))';
    const child = spares.take([process.execPath, '-e', script, '--', ...words], {
      cwd: temp.path,
      env: { OWN: "o'w\tn" },
    });
    child?.stdin.end('input\nand more');
    const [first = '', ...rest] = (await text(child!.stdout)).split('\n');
    const [pid, cwd, argv, env] = JSON.parse(first) as [number, string, string[], Record<string, string>];
    expect([pid, cwd, argv]).toEqual([child?.pid, temp.path, words]);
    expect(env).toMatchObject({ COMMON: 'common', OWN: "o'w\tn" });
    expect(rest.join('\n')).toBe('input\nand more');
  });

  it('give on how the command ended', async () => {
    const failing = spares.take(['sh', '-c', 'echo why >&2; exit 3'], { env: {} });
    expect(await text(failing!.stderr)).toBe('why\n');
    await expect.poll(() => failing?.exitCode).toBe(3);
    const killed = spares.take(['sleep', '60'], { env: {} });
    killed?.kill('SIGTERM');
    await once(killed!, 'exit');
    expect(killed?.signalCode).toBe('SIGTERM');
  });

  it('are replaced when they are used, and not used when they are dead', async () => {
    await expect.poll(waiting).toHaveLength(8);
    const [first] = await waiting();
    process.kill(first!, 'SIGKILL');
    await expect.poll(waiting).toHaveLength(7);
    const taken = Array.from({ length: 8 }, () => spares.take(['true'], { env: {} }));
    expect(taken.map((child) => child === undefined)).toEqual([...Array<boolean>(7).fill(false), true]);
    await expect.poll(waiting).toHaveLength(8);
  });

  it('take no command that does not go in a line', () => {
    expect(spares.take(['echo', 'a\nb'], { env: {} })).toBeUndefined();
    expect(spares.take(['true'], { env: { A: '\n' } })).toBeUndefined();
    expect(spares.take(['true', '\0'], { env: {} })).toBeUndefined();
  });
});

it.skipIf(process.platform !== 'linux')(
  'are there while a repository is watched, and git is the same by them',
  async () => {
    const root = initRepository(join(temp.path, 'project'));
    commit(root, { a: 'a' });
    const repository = await provider.open(root);
    expect(await waiting()).toEqual([]);
    const watching = repository.watch(() => undefined);
    await someWait();
    watching.dispose();
    await expect.poll(waiting).toEqual([]);
    repository.watch(() => undefined);
    await someWait();
    repository.dispose();
    await expect.poll(waiting).toEqual([]);
  },
);

it.skipIf(process.platform !== 'linux')('start git as it is started without them', async () => {
  const git = new Git();
  const kept = git.expectStarts();
  await someWait();
  process.env.GIT_DIR = join(temp.path, 'elsewhere');
  try {
    const { stdout } = await git.run(['var', 'GIT_COMMITTER_IDENT'], {
      config: ['user.name=Ada L', 'user.email=ada@example.org'],
      cwd: temp.path,
    });
    expect(stdout).toMatch(/^Ada L <ada@example\.org> /);
    await expect(git.run(['no-such-command'])).rejects.toMatchObject({ code: 1 });
  } finally {
    delete process.env.GIT_DIR;
    kept.dispose();
  }
  const absent = new Git(join(temp.path, 'no-git'));
  const alsoKept = absent.expectStarts();
  await someWait();
  await expect(absent.run(['version'])).rejects.toMatchObject({ reason: 'git-missing' });
  alsoKept.dispose();
});
