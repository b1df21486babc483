import { MemoryNetwork } from '../../extension/src/p2p/transport/memory.ts';
import { describeTransportContract } from './transport-contract.ts';

describeTransportContract('memory', async () => ({
  transport: new MemoryNetwork().transport(),
  nobody: async () => ({ tier: 'memory', value: 'nobody' }),
  malformed: { tier: 'memory', value: '' },
}));
