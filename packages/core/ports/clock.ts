/**
 * The port to time. Nothing in core reads a clock by any other way.
 *
 * @module
 */

/** Cancels the timer that it came with. Idempotent. */
export type CancelTimer = () => void;

/** Time as a node sees it. */
export interface Clock {
  /** Monotonic milliseconds since some fixed moment. Decides elections, leases and deadlines. */
  now(): number;
  /** Wall-clock milliseconds since 1970, for the records of entries and snapshots. May jump: the consensus decides nothing by it. */
  wallTime(): number;
  /** Calls `callback` once, after at least `delayMs`. */
  setTimer(delayMs: number, callback: () => void): CancelTimer;
}
