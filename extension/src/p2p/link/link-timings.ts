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
  keepAlive: 5_000,
  silence: 20_000,
  request: 30_000,
  close: 1_000,
};
