import { meetingTransportFixture } from '../support/meeting-fixture.ts';
import { describeTransportContract } from './transport-contract.ts';

describeTransportContract('json', () => meetingTransportFixture('json'));
