#!/usr/bin/env node
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Command, InvalidArgumentError, Option } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { asPeerweaveError, messageOf, PeerweaveError } from '../extension/src/shared/errors.ts';
import { createLogger } from '../extension/src/shared/log.ts';
import { limitOptions, limitsFrom } from './limit-options.ts';
import type { ServerOptions, TurnOptions } from './options.ts';
import { startServer } from './server.ts';
import { DEFAULT_CREDENTIAL_SECONDS } from './turn.ts';

/**
 * The `peerweave-server` command, which `peerweave serve` runs too. Secrets come from files or the environment, never from arguments,
 * which every user of a machine can read (SE8).
 */

// Buffers that pass through count against V8's limits though they lie outside its heap, which is small: by default it collected all of
// it for every few megabytes relayed. This takes a sixth off the CPU time of relaying (1.25 to 1.05 s for 500 MB) for some megabytes.
setFlagsFromString('--heap-growing-percent=400');

const DEFAULT_PORT = 8787;
/** Exit status of a shell command that a signal ended (128 + SIGINT). */
const INTERRUPTED = 130;

interface Flags {
  readonly host: string;
  readonly port: number;
  readonly metrics: boolean;
  readonly metricsPort: number;
  readonly json: boolean;
  readonly tokenFile?: string;
  readonly allowOrigin: string[];
  readonly trustProxy: string[];
  readonly stun: string[];
  readonly turn: string[];
  readonly turnSecretFile?: string;
  readonly turnSeconds: number;
  readonly redis?: string;
  readonly advertise?: string;
}

/** Runs a server until a signal; resolves to the exit status, with what went wrong already said. Ends the process for wrong arguments. */
export async function main(args: readonly string[], name = 'peerweave-server'): Promise<number> {
  try {
    await command(name).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    const { reason, message } = asPeerweaveError(error);
    if (args.includes('--json')) process.stdout.write(`${JSON.stringify({ event: 'error', reason, message })}\n`);
    process.stderr.write(`${name}: ${message}\n`);
    return 1;
  }
}

function command(name: string): Command {
  const program = new Command(name)
    .description('Let peers find each other, and relay what cannot go directly. Everything it passes on is encrypted.')
    .version(manifest.version)
    .option('--host <address>', 'where to listen; put a proxy with TLS before it', '127.0.0.1')
    .option('--port <port>', '0 picks a free one', port, DEFAULT_PORT)
    .option('--metrics-port <port>', 'port of 127.0.0.1 for /metrics; 0 picks a free one', port, 0)
    .option('--no-metrics', 'no /metrics at all')
    .option('--token-file <file>', 'what every client must show; or PEERWEAVE_SERVER_TOKEN')
    .option('--allow-origin <origin...>', 'pages that may connect, * for any; none by default', [])
    .option('--trust-proxy <network...>', 'proxies whose X-Forwarded-For is believed, as 10.0.0.0/8', [])
    .option('--stun <url...>', 'given to clients, as stun:host:3478', [])
    .option('--turn <url...>', 'given to clients with credentials, as turn:host:3478?transport=udp', [])
    .option('--turn-secret-file <file>', 'what the TURN server shares with this one; or PEERWEAVE_SERVER_TURN_SECRET')
    .option('--turn-seconds <n>', 'for how long TURN credentials are good', count, DEFAULT_CREDENTIAL_SECONDS)
    .option('--redis <url>', 'shares rooms with other nodes; one with a password goes into PEERWEAVE_SERVER_REDIS')
    .option('--advertise <url>', 'where clients reach this very node; --redis wants it')
    .addOption(new Option('--json', 'one JSON object a line').default(false));
  for (const option of limitOptions()) program.addOption(option);
  return program.action(async (flags: Flags) => run(serverOptions(flags, program.opts()), flags.json));
}

async function run(options: ServerOptions, json: boolean): Promise<void> {
  const say = (event: Record<string, string>, text: string): void => {
    process.stdout.write(`${json ? JSON.stringify(event) : text}\n`);
  };
  const signalled = untilSignal();
  const server = await startServer(options);
  const { url, metricsUrl } = server;
  const metrics = metricsUrl === undefined ? {} : { metrics: metricsUrl };
  say(
    { event: 'listening', url, ...metrics },
    `Listening at ${url}${metricsUrl === undefined ? '' : `, metrics at ${metricsUrl}`}`,
  );
  await signalled;
  say({ event: 'stopping' }, 'Stopping: clients are told to come back.');
  await server.close();
  say({ event: 'stopped' }, 'Stopped.');
}

/** Resolves at the first signal; a second one ends the process at once. */
async function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(INTERRUPTED);
        asked = true;
        resolve();
      });
    }
  });
}

function serverOptions(flags: Flags, all: Record<string, unknown>): ServerOptions {
  const token = secret(flags.tokenFile, 'PEERWEAVE_SERVER_TOKEN');
  const turn = turnOptions(flags);
  const redis = redisUrl(flags);
  return {
    host: flags.host,
    port: flags.port,
    limits: limitsFrom(all),
    allowOrigins: flags.allowOrigin,
    trustProxies: flags.trustProxy,
    stun: flags.stun,
    log: createLogger(({ level, text }) => {
      if (level !== 'debug') process.stderr.write(`${level} ${text}\n`);
    }, 'server'),
    ...(flags.metrics ? { metricsPort: flags.metricsPort } : {}),
    ...(token === undefined ? {} : { token }),
    ...(turn === undefined ? {} : { turn }),
    ...(redis === undefined ? {} : { redis }),
    ...(flags.advertise === undefined ? {} : { advertise: flags.advertise }),
  };
}

function turnOptions({ turn, turnSecretFile, turnSeconds }: Flags): TurnOptions | undefined {
  if (turn.length === 0) return undefined;
  const shared = secret(turnSecretFile, 'PEERWEAVE_SERVER_TURN_SECRET');
  if (shared !== undefined) return { urls: turn, secret: shared, seconds: turnSeconds };
  throw new PeerweaveError('bad-request', '--turn wants the secret that the TURN server has: add --turn-secret-file.');
}

function redisUrl({ redis, advertise }: Flags): string | undefined {
  if (redis !== undefined && URL.canParse(redis) && new URL(redis).password !== '') {
    throw new PeerweaveError('bad-request', 'Others could read that password: set PEERWEAVE_SERVER_REDIS instead.');
  }
  const url = redis ?? secret(undefined, 'PEERWEAVE_SERVER_REDIS');
  if (url === undefined || advertise !== undefined) return url;
  const why =
    'Peers of other nodes have to find this one: say with --advertise where it is, as wss://node1.example.org.';
  throw new PeerweaveError('bad-request', why);
}

/** From a file, else from the environment. Throws `bad-request` when the file cannot be read or has nothing in it. */
function secret(file: string | undefined, variable: string): string | undefined {
  const text = file === undefined ? process.env[variable] : readSecret(file);
  const trimmed = text?.trim();
  if (trimmed !== '') return trimmed;
  throw new PeerweaveError('bad-request', `${file ?? variable} is empty.`);
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new PeerweaveError('bad-request', `Cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('It is a number up to 65535.');
}

function count(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value > 0 && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It is a whole number of at least 1.');
}

const isEntry = process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (isEntry) process.exit(await main(process.argv.slice(2)));
