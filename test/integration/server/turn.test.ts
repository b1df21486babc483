import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServer } from '../../../server/server.ts';
import { turnCredentials } from '../../../server/turn.ts';
import { Coturn } from '../../support/coturn.ts';
import { randomId, ServerClient } from '../../support/server-client.ts';

let coturn: Coturn;
beforeAll(async () => {
  coturn = await Coturn.start();
});
afterAll(() => coturn.dispose());

/** Whether coturn's own client gets an allocation, and two messages through it. */
async function relays({ username = '', credential = '' }): Promise<boolean> {
  const login = ['-u', username, '-w', credential, '-p', String(coturn.port)];
  const talk = ['-y', '-n', '2', '-m', '1', '-l', '20', ...login, '127.0.0.1'];
  return promisify(execFile)('turnutils_uclient', talk).then(
    () => true,
    () => false,
  );
}

it('a real coturn takes the credentials that the server gives, and neither old nor wrong ones', async () => {
  const turn = { urls: [coturn.url('udp')], secret: coturn.secret, seconds: 60 };
  const server = await startServer({ turn });
  const client = await ServerClient.open(server.url);
  client.join(randomId());
  const [given] = (await client.next('joined')).ice;
  await server.close({ drainMs: 0 });
  expect(given?.urls).toEqual(turn.urls);
  expect(await relays(given!)).toBe(true);
  expect(await relays({ ...given, credential: given!.credential!.toUpperCase() })).toBe(false);
  const past = Math.floor(Date.now() / 1_000) - 1;
  expect(await relays(turnCredentials(coturn.secret, past, 'late'))).toBe(false);
});
