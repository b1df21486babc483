import { InvalidArgumentError, Option } from 'commander';
import { settings, type Settings } from '../../rpc/contract.ts';

/** The flags that say how members are reached, of every command that runs a session. */

export interface NetworkFlags {
  readonly listen: string;
  readonly signal?: string[];
  readonly tiers?: Settings['tiers'];
  readonly ice?: string[];
  readonly uploadLimit?: number;
  readonly downloadLimit?: number;
  readonly mapPort?: boolean;
}

const several = (value: string, before: string[] = []): string[] => [...before, ...value.split(',')];

export const signalOption = new Option(
  '--signal <url>',
  'signaling server, ws:// or wss://; again or after a comma for spare ones',
).argParser(several);

export const tiersOption = new Option(
  '--tiers <list>',
  'ways to connect that may be used, best first: tcp,webrtc,relay,json',
).argParser((value: string) => {
  const parsed = settings.shape.tiers.safeParse(value.split(','));
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('Name some of tcp, webrtc, relay and json, such as --tiers tcp,webrtc.');
});

export const iceOption = new Option(
  '--ice <url>',
  'STUN server beside those of the signaling server, such as stun:stun.example.org:3478',
).argParser(several);

const kibPerSecond = (value: string): number => {
  const number = Number(value);
  if (Number.isFinite(number) && number >= 0) return number;
  throw new InvalidArgumentError('Give KiB a second, or 0 for no limit.');
};

export const uploadOption = new Option('--upload-limit <kib>', 'KiB a second at most; 0 for no limit').argParser(
  kibPerSecond,
);
export const downloadOption = new Option('--download-limit <kib>', 'KiB a second at most; 0 for no limit').argParser(
  kibPerSecond,
);
export const mapPortOption = new Option('--map-port', 'ask the router (UPnP, NAT-PMP) to let members in');

/** What the flags say, in the contract's words; what is not said keeps its default. */
export const networkSettings = (flags: NetworkFlags): Partial<Settings> => ({
  listen: flags.listen,
  ...(flags.signal === undefined ? {} : { signalingUrl: flags.signal }),
  ...(flags.tiers === undefined ? {} : { tiers: flags.tiers }),
  ...(flags.ice === undefined ? {} : { iceServers: flags.ice.map((urls) => ({ urls })) }),
  ...(flags.uploadLimit === undefined ? {} : { uploadLimit: flags.uploadLimit }),
  ...(flags.downloadLimit === undefined ? {} : { downloadLimit: flags.downloadLimit }),
  ...(flags.mapPort === undefined ? {} : { portMapping: flags.mapPort }),
});
