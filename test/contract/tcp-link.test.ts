import { tcpTransport } from '../../extension/src/p2p/transport/tcp.ts';
import { describeLinkContract } from './link-contract.ts';

describeLinkContract('tcp', async () => ({
  transport: () => tcpTransport,
  listenHost: '127.0.0.1',
  nobody: async () => ({ tier: 'tcp', value: '127.0.0.1:1' }),
}));
