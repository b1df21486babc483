/** All in milliseconds; tests make them short. */
export interface SignalingTimings {
  /** From the first packet until a server has let us in. */
  readonly joinMs: number;
  /** For a server to answer a request. */
  readonly requestMs: number;
  /** What a server has on the next one of the list, so that members find themselves on the same server. */
  readonly headStartMs: number;
  /** A server pings every 15 s: this long without a word, it is asked for a sign of life. */
  readonly silenceMs: number;
  /** What it has to answer then. */
  readonly probeMs: number;
  /** A connection that lasted this long was a good one: whatever failed before is forgotten. */
  readonly stableMs: number;
  /** A next attempt that is due within this is worth to wait for. */
  readonly soonMs: number;
}

export const DEFAULT_TIMINGS: SignalingTimings = {
  joinMs: 10_000,
  requestMs: 10_000,
  headStartMs: 1_500,
  silenceMs: 35_000,
  probeMs: 5_000,
  stableMs: 30_000,
  soonMs: 2_000,
};
