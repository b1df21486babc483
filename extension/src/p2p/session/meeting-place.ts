import { PeerweaveError } from '../../shared/errors.ts';
import { MAX_SIGNALING_URLS, signalingUrl } from '../link/control-protocol.ts';
import type { MeetingPlace } from './invite.ts';
import type { SessionRecord } from './session-store.ts';

/** The session's room, as it is kept; undefined when it has no server. */
export function meetingPlaceOf({ meeting }: Pick<SessionRecord, 'meeting'>): MeetingPlace | undefined {
  if (meeting === undefined || meeting.urls.length === 0) return undefined;
  return { secret: new Uint8Array(Buffer.from(meeting.secret, 'base64')), urls: meeting.urls };
}

/** What a person set as signaling servers. Throws `bad-request`, for a session that silently does without would be found out late. */
export function checkedSignalingUrls(urls: readonly string[]): string[] {
  if (urls.length > MAX_SIGNALING_URLS) {
    throw new PeerweaveError('bad-request', `There may be ${MAX_SIGNALING_URLS} signaling URLs at most.`);
  }
  for (const url of urls) {
    if (signalingUrl.safeParse(url).success) continue;
    throw new PeerweaveError(
      'bad-request',
      `"${url.slice(0, 300)}" is no signaling URL. Write one such as wss://signal.example.org, or ws://127.0.0.1:8787 on one machine.`,
    );
  }
  return [...new Set(urls)];
}
