import { afterEach, beforeEach, describe } from 'vitest';
import type { Identity } from '../../extension/src/p2p/link/identity.ts';
import type { TransportAddress } from '../../extension/src/p2p/transport/transport.ts';
import { LinkLab, type LabTransport } from '../support/link-lab.ts';
import { controlContract } from './link/control.ts';
import { execContract } from './link/exec.ts';
import { glareContract } from './link/glare.ts';
import { handshakeContract } from './link/handshake.ts';
import { reconnectContract } from './link/reconnect.ts';

/** What a tier needs for one test: a server, for some. */
export interface LinkFixture {
  /** One person's transport, which meets the others made in the same test. Disposed with the person when it is disposable. */
  transport(identity: Identity): LabTransport | Promise<LabTransport>;
  /** How to listen so that only this machine can connect. */
  readonly listenHost?: string;
  /** An address of the tier's form where nobody is. */
  nobody(): Promise<TransportAddress>;
  dispose?(): void | Promise<void>;
}

/** What a link must do on whatever tier it runs. `bulk` is how many MiB a slow tier moves each way in the longest test; others 50. */
export function describeLinkContract(
  tier: string,
  setUp: () => Promise<LinkFixture>,
  { bulk = 50 }: { bulk?: number } = {},
): void {
  describe(`link contract: ${tier}`, () => {
    let fixture: LinkFixture;
    let lab: LinkLab;

    beforeEach(async () => {
      fixture = await setUp();
      lab = new LinkLab((identity) => fixture.transport(identity), fixture.listenHost);
    });
    afterEach(async () => {
      lab.dispose();
      await fixture.dispose?.();
    });

    const contract = {
      get lab() {
        return lab;
      },
      bulk,
      nobody: () => fixture.nobody(),
    };
    handshakeContract(contract);
    execContract(contract);
    reconnectContract(contract);
    controlContract(contract);
    glareContract(contract);
  });
}
