import { MemoryNetwork } from '../../extension/src/p2p/transport/memory.ts';
import { describeLinkContract } from './link-contract.ts';

describeLinkContract('memory', async () => {
  const network = new MemoryNetwork();
  return { transport: () => network.transport(), nobody: async () => ({ tier: 'memory', value: 'nobody' }) };
});
