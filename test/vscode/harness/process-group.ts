import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';

/** A child that leads a process group of its own, so that ending it ends everything it started. */
export interface ProcessGroup {
  readonly child: ChildProcess;
  /** Asks the group to end, insists after 5 s, and resolves once the leader is gone. */
  stop(): Promise<void>;
}

export function startGroup(command: string, args: readonly string[], options: SpawnOptions): ProcessGroup {
  const child = spawn(command, args, { ...options, detached: true });
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    child,
    async stop() {
      signal(child, 'SIGTERM');
      const insist = setTimeout(() => signal(child, 'SIGKILL'), 5_000);
      await gone;
      clearTimeout(insist);
      // The leader may be gone before those it started.
      signal(child, 'SIGKILL');
    },
  };
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // The group has ended already.
  }
}
