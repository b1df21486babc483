import { meetingLinkFixture } from '../support/meeting-fixture.ts';
import { describeLinkContract } from './link-contract.ts';

describeLinkContract('relay', () => meetingLinkFixture('relay'));
