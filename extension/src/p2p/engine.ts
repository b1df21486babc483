import type { Logger } from '../shared/log.ts';
import { defaultHome, Home } from './home.ts';
import { serveLocally } from './local-rpc.ts';
import { P2PManager } from './manager.ts';
import { Networks } from './networks.ts';
import { SystemGitProvider } from './repo/git/provider.ts';
import { requestHandlers, type RequestHandlers } from './rpc-server.ts';
import { VERSION } from './version.ts';

/** The engine, whole: what the language server and the CLI both run. The composition root. */
export interface Engine {
  readonly manager: P2PManager;
  readonly handlers: RequestHandlers;
  readonly log: Logger;
}

/** `onLeft` is told after another process of this user asked over the local socket to leave a repository's session. */
export function createEngine(log: Logger, onLeft: (repo: string) => void = () => undefined): Engine {
  const networks = new Networks({ version: VERSION, log, signalingToken: process.env.PEERWEAVE_SIGNAL_TOKEN });
  const manager: P2PManager = new P2PManager({
    home: new Home(defaultHome()),
    provider: new SystemGitProvider({ log: log.scope('repo') }),
    openNetwork: networks.open,
    applySettings: (settings) => networks.apply(settings),
    version: VERSION,
    log,
    now: () => Date.now(),
    onLocked: (lock) => serveLocally(lock, handlers, onLeft),
  });
  const handlers = requestHandlers(manager);
  return { manager, handlers, log };
}
