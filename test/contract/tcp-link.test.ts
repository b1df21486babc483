import { tcpTransport } from '../../extension/src/p2p/transport/tcp.ts';
import { describeLinkContract } from './link-contract.ts';

describeLinkContract('tcp', () => ({ transport: () => tcpTransport, listenHost: '127.0.0.1' }));
