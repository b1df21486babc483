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
import { reportProgress } from './lsp/progress.ts';
import { pushState } from './lsp/push-state.ts';
import { bindRequests } from './rpc-server.ts';
import { VERSION } from './version.ts';

/**
 * The engine process: a language server on stdio. Standard output carries only the protocol; the connection watches the parent
 * (`initialize.processId`) and ends the process when it goes.
 */
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
  void connection.sendNotification(LogMessageNotification.type, {
    type: MESSAGE_TYPES[level],
    message: `[${scope}] ${text}`,
  });
});

const { manager, handlers } = createEngine(log);

connection.onInitialize(() => ({ capabilities: {}, serverInfo: { name: 'peerweave', version: VERSION } }));
connection.onInitialized(() => {
  pushState(connection, manager);
  reportProgress(connection, manager);
});
connection.onShutdown(() => manager.suspendAll());
bindRequests(connection, handlers);

process.on('uncaughtException', (error) => {
  log.error(`Uncaught: ${error.stack ?? error.message}`);
  // The state of an engine that threw somewhere unknown cannot be trusted; the client starts a new one (ED6).
  process.exitCode = 1;
  setImmediate(() => process.exit(1));
});
process.on('unhandledRejection', (error) => log.error(`Unhandled rejection: ${asPeerweaveError(error).stack ?? ''}`));

connection.listen();
