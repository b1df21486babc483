import type { LogOutputChannel } from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { createLanguageClient } from './language-client.ts';
import {
  notifications,
  requests,
  type EngineEvent,
  type RequestMethod,
  type RequestParams,
  type RequestResult,
} from './rpc/contract.ts';
import type { EngineState } from './rpc/model.ts';
import { fromRpcError } from './rpc-error.ts';

export interface EngineListener {
  onState(state: EngineState): void;
  onEvent(event: EngineEvent): void;
  /** The process ended without having been asked to. */
  onClosed(): void;
}

/** One engine process, running: every message to and from it is checked against `rpc/contract.ts`. */
export class EngineConnection {
  private readonly client: LanguageClient;

  private constructor(client: LanguageClient) {
    this.client = client;
  }

  /** Starts a process and resolves when it answers. Throws `PeerweaveError`. */
  static async open(module: string, log: LogOutputChannel, listener: EngineListener): Promise<EngineConnection> {
    const client = createLanguageClient(module, log, () => listener.onClosed());
    client.onNotification('peerweave/stateChanged', (params: unknown) => {
      const state = notifications['peerweave/stateChanged'].safeParse(params);
      if (state.success) listener.onState(state.data);
      else log.error(`The engine sent a state that is not one: ${state.error.message}`);
    });
    client.onNotification('peerweave/event', (params: unknown) => {
      const event = notifications['peerweave/event'].safeParse(params);
      if (event.success) listener.onEvent(event.data);
      else log.error(`The engine sent an event that is not one: ${event.error.message}`);
    });
    try {
      await client.start();
    } catch (error) {
      throw fromRpcError(error);
    }
    return new EngineConnection(client);
  }

  async request<M extends RequestMethod>(method: M, params: RequestParams<M>): Promise<RequestResult<M>> {
    try {
      const result: unknown = await this.client.sendRequest(method, params);
      return requests[method].result.parse(result) as RequestResult<M>;
    } catch (error) {
      throw fromRpcError(error);
    }
  }

  /** Asks the process to end, and insists. */
  close(): Promise<void> {
    return this.client.stop();
  }
}
