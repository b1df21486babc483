import type { Connection, WorkDoneProgressServerReporter } from 'vscode-languageserver/node';
import type { SessionView, Transfer } from '../../rpc/model.ts';
import type { P2PManager } from '../manager.ts';
import { quietly } from './quietly.ts';

interface Task {
  readonly title: string;
  readonly message: string;
  readonly percentage: number | undefined;
  /** Present when a person may stop it. */
  readonly cancel?: () => void;
}

/** A transfer that is over sooner than this is not worth a progress bar. */
const SHOW_AFTER_MS = 1_000;

/** Shows joins and long transfers as LSP work-done progress, with rate and cancel. */
export function reportProgress(connection: Connection, manager: P2PManager): void {
  const shown = new Map<string, Promise<WorkDoneProgressServerReporter>>();
  const firstSeen = new Map<string, number>();

  const show = async (task: Task): Promise<WorkDoneProgressServerReporter> => {
    const progress = await connection.window.createWorkDoneProgress();
    progress.begin(task.title, task.percentage, task.message, task.cancel !== undefined);
    progress.token.onCancellationRequested(() => task.cancel?.());
    return progress;
  };

  const update = (sessions: readonly SessionView[]): void => {
    const tasks = new Map(sessions.flatMap((session) => tasksOf(session, manager)));
    for (const [id, task] of tasks) {
      const since = firstSeen.get(id) ?? Date.now();
      firstSeen.set(id, since);
      const open = shown.get(id);
      if (open !== undefined) quietly(() => open.then((progress) => report(progress, task)));
      else if (task.cancel !== undefined || Date.now() - since >= SHOW_AFTER_MS) {
        const opening = show(task);
        quietly(() => opening);
        shown.set(id, opening);
      }
    }
    for (const id of firstSeen.keys()) {
      if (tasks.has(id)) continue;
      firstSeen.delete(id);
      const open = shown.get(id);
      if (open !== undefined) quietly(() => open.then((progress) => progress.done()));
      shown.delete(id);
    }
  };
  manager.onChange(() => quietly(async () => update((await manager.state()).sessions)));
}

function report(progress: WorkDoneProgressServerReporter, { percentage, message }: Task): void {
  if (percentage === undefined) progress.report(message);
  else progress.report(percentage, message);
}

function tasksOf(session: SessionView, manager: P2PManager): [string, Task][] {
  const join = joinTask(session, manager);
  if (join !== undefined) return [[`join ${session.repo}`, join]];
  return session.peers.flatMap(({ name, fingerprint, transfer }): [string, Task][] =>
    transfer === undefined
      ? []
      : [[`${session.repo} ${fingerprint}`, { title: `Syncing with ${name}`, ...transferTexts(transfer) }]],
  );
}

const JOIN_TEXT: Partial<Record<SessionView['phase'], string>> = {
  connecting: 'Connecting…',
  'waiting-approval': 'Waiting for the host to let you in…',
  cloning: 'Cloning…',
};

function joinTask(session: SessionView, manager: P2PManager): Task | undefined {
  const text = JOIN_TEXT[session.phase];
  if (session.phase === 'history') {
    const texts = session.transfer === undefined ? undefined : transferTexts(session.transfer);
    return {
      title: `${session.repoName}: older history`,
      message: texts?.message ?? 'Arriving…',
      percentage: texts?.percentage,
    };
  }
  if (text === undefined) return undefined;
  const texts = session.transfer === undefined ? undefined : transferTexts(session.transfer);
  return {
    title: `Joining ${session.repoName}`,
    message: texts?.message ?? text,
    percentage: texts?.percentage,
    cancel: () => manager.cancelJoin(session.repo),
  };
}

function transferTexts({ task, done, total, bytesPerSecond }: Transfer): Pick<Task, 'message' | 'percentage'> {
  const rate = bytesPerSecond > 0 ? ` · ${(bytesPerSecond / 1_000_000).toFixed(1)} MB/s` : '';
  return {
    message: `${task} ${done}/${total}${rate}`,
    percentage: total > 0 ? Math.floor((done / total) * 100) : undefined,
  };
}
