import { describe, expect, it } from 'vitest';
import type { LinkHost, ListenRequest } from '../../../extension/src/p2p/link/link-host.ts';
import { listenForMembers } from '../../../extension/src/p2p/session/listening.ts';
import { rejectionReason } from '../../support/reason.ts';

const asked = async (setting: string, remembered = 0, taken: number[] = []): Promise<ListenRequest[]> => {
  const requests: ListenRequest[] = [];
  const host = {
    listen: (request: ListenRequest) => {
      requests.push(request);
      return taken.includes(request.port ?? 0) ? Promise.reject(new Error('taken')) : Promise.resolve({});
    },
  } as unknown as LinkHost;
  await listenForMembers(host, setting, remembered);
  return requests;
};

describe('where a session listens', () => {
  it.each([
    ['', { port: 0 }],
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:4711', { host: '::1', port: 4711 }],
    ['localhost:4711', { host: 'localhost', port: 4711 }],
    [':4711', { port: 4711 }],
  ])('%j', async (setting, request) => {
    expect(await asked(setting)).toEqual([request]);
  });

  it('takes the port again that members know, or another when it is gone', async () => {
    expect(await asked('', 4711)).toEqual([{ port: 4711 }]);
    expect(await asked('', 4711, [4711])).toEqual([{ port: 4711 }, { port: 0 }]);
    expect(await asked(':5000', 4711)).toEqual([{ port: 5000 }]);
  });

  it.each(['127.0.0.1', 'localhost', '::1', '127.0.0.1:', '127.0.0.1:70000', 'a b:1', '[::1]'])(
    'never ends up on all interfaces because of a mistake: %j',
    async (setting) => {
      expect(await rejectionReason(asked(setting))).toBe('bad-request');
    },
  );
});
