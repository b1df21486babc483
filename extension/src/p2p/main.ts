import './heap-growth.ts';
import {
  createConnection,
  MessageType,
  StreamMessageReader,
  StreamMessageWriter,
  LogMessageNotification,
  type Connection,
} from 'vscode-languageserver/node';
import { createLogger, type LogLevel } from '../shared/log.ts';
import { asPeerweaveError } from '../shared/errors.ts';
import { createEngine } from './engine.ts';
import { EditorPrompts } from './lsp/editor-prompts.ts';
import { reportProgress } from './lsp/progress.ts';
import { pushState } from './lsp/push-state.ts';
import { quietly } from './lsp/quietly.ts';
import { bindRequests } from './rpc-server.ts';
import { VERSION } from './version.ts';

/**
 * The engine process: a language server on stdio. Standard output carries only the protocol. It goes when standard input ends, which
 * it does when the parent dies; the connection also watches the parent (`initialize.processId`).
 */
/** Longer than links and git need to come to an end. */
const END_PATIENCE_MS = 8_000;

const connection: Connection = createConnection(
  new StreamMessageReader(process.stdin),
  new StreamMessageWriter(process.stdout),
);

const MESSAGE_TYPES: Record<LogLevel, MessageType> = {
  debug: MessageType.Debug,
  info: MessageType.Info,
  warn: MessageType.Warning,
  error: MessageType.Error,
};
const log = createLogger(({ level, scope, text }) => {
  const params = { type: MESSAGE_TYPES[level], message: `[${scope}] ${text}` };
  quietly(() => connection.sendNotification(LogMessageNotification.type, params));
});

const { manager, handlers } = createEngine(log);

const prompts = new EditorPrompts(connection, manager, log);

connection.onInitialize(({ capabilities }) => ({
  capabilities: prompts.initialize(capabilities),
  serverInfo: { name: 'peerweave', version: VERSION },
}));
connection.onInitialized(() => {
  pushState(connection, manager);
  reportProgress(connection, manager);
  prompts.start();
});
connection.onShutdown(() => manager.suspendAll());
bindRequests(connection, handlers);

let ending = false;
/** Suspends what runs, so that others hear of it and nothing stays half done, and ends the process. */
function end(): void {
  if (ending) return;
  ending = true;
  // Whatever hangs must not keep an engine alive that nobody talks to.
  setTimeout(() => process.exit(1), END_PATIENCE_MS);
  void manager.suspendAll().then(() => process.exit(0));
}
process.stdin.on('end', end);
process.stdin.on('close', end);
process.stdout.on('error', end);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end);

process.on('uncaughtException', (error) => {
  log.error(`Uncaught: ${error.stack ?? error.message}`);
  // The state of an engine that threw somewhere unknown cannot be trusted; the client starts a new one (ED6).
  process.exitCode = 1;
  setImmediate(() => process.exit(1));
});
process.on('unhandledRejection', (error) => log.error(`Unhandled rejection: ${asPeerweaveError(error).stack ?? ''}`));

connection.listen();
