import type * as NodeDataChannel from 'node-datachannel';
import { messageOf, PeerweaveError } from '../../../shared/errors.ts';

export type WebRtcLibrary = Pick<typeof NodeDataChannel, 'PeerConnection' | 'preload' | 'setSctpSettings'>;
export type PeerConnection = InstanceType<WebRtcLibrary['PeerConnection']>;
export type DataChannel = ReturnType<PeerConnection['createDataChannel']>;

let loading: Promise<WebRtcLibrary> | undefined;

/**
 * The native part of WebRTC (libdatachannel), loaded when first asked for: it has 9 MB and starts threads. Throws `unreachable` where there is
 * none for this platform.
 */
export function loadWebRtc(): Promise<WebRtcLibrary> {
  loading ??= load();
  return loading;
}

async function load(): Promise<WebRtcLibrary> {
  try {
    const library = await import('node-datachannel');
    // Without this the first connection takes a second.
    library.preload();
    return library;
  } catch (error) {
    const platform = `${process.platform}-${process.arch}`;
    throw new PeerweaveError(
      'unreachable',
      `WebRTC is not available here: this build has no part for ${platform}. Other ways to connect still work.`,
      { cause: new Error(messageOf(error)) },
    );
  }
}
