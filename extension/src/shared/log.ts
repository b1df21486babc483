export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The parts of the engine that log under a name of their own. */
export type LogScope = 'engine' | 'session' | 'sync' | 'repo' | 'link' | 'transport' | 'cli' | 'server';

/** One line of log. Never carries a secret or an invite (SE8). */
export interface LogLine {
  readonly level: LogLevel;
  readonly scope: LogScope;
  readonly text: string;
}

/** The only way to log below the editor. `scope()` gives the same sink under another name. */
export interface Logger {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  scope(scope: LogScope): Logger;
}

export function createLogger(sink: (line: LogLine) => void, scope: LogScope = 'engine'): Logger {
  const at = (level: LogLevel) => (text: string) => sink({ level, scope, text });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    scope: (other) => createLogger(sink, other),
  };
}

export const silentLogger: Logger = createLogger(() => undefined);
