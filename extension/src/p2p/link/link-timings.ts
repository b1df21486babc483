/** Every wait of the link layer, in milliseconds. Tests shorten them; nothing else should. */
export interface LinkTimings {
  /** From an established transport to a link: key exchange, authentication, hello. A local one takes 50, a distant relayed one 3,000. */
  readonly handshake: number;
  /** For one address to accept a transport. */
  readonly dial: number;
  /** How long a dropped link waits to be picked up (LI4). */
  readonly reconnectWindow: number;
  /** Pauses between attempts to pick a link up double from the first to the second. */
  readonly firstRetry: number;
  readonly lastRetry: number;
  /** How long several attempts of one dial wait for the one that is about to say who we are; then the next does, too. */
  readonly turn: number;
  /** From agreeing on another transport to both being there. */
  readonly move: number;
  /** What failed is dialed again after it, as long as other addresses of the same dial have not answered at all. */
  readonly redial: number;
  /** Pauses between attempts to find a better transport; the last one repeats. */
  readonly upgradeRetries: readonly number[];
  /** A route that has carried the link for so long is a stable one. One that drops earlier has to rest. */
  readonly stable: number;
  /** The first rest, which doubles up to the last each time it drops early again. */
  readonly firstRest: number;
  readonly lastRest: number;
  /** Carrying the link for so long makes up for one early drop. */
  readonly atonement: number;
  /** The start that others have over a resting route when the link was lost. */
  readonly headStart: number;
  /** For a sign of life when there is reason to doubt a transport. */
  readonly probe: number;
  /** Between two round-trip measurements, which are also the signs of life. */
  readonly keepAlive: number;
  /** Nothing heard for so long: the transport is dead. With one keep-alive on top it stays below the 30 s of LI9. */
  readonly silence: number;
  /** For an answer to an ordinary control request. */
  readonly request: number;
  /** For a last message to leave on close. */
  readonly close: number;
}

export const DEFAULT_TIMINGS: LinkTimings = {
  handshake: 10_000,
  dial: 10_000,
  reconnectWindow: 120_000,
  firstRetry: 100,
  lastRetry: 5_000,
  turn: 3_000,
  move: 5_000,
  redial: 1_000,
  upgradeRetries: [2_000, 10_000, 60_000, 300_000],
  stable: 60_000,
  firstRest: 30_000,
  lastRest: 600_000,
  atonement: 300_000,
  headStart: 2_000,
  probe: 3_000,
  keepAlive: 5_000,
  silence: 20_000,
  request: 30_000,
  close: 1_000,
};
