/**
 * Whether to wait for a disk in line or aside.
 *
 * A sync aside, on a thread, lets everything else go on, but costs two switches between threads: on a fast disk as much as
 * the sync itself. In line it costs nothing but the sync, and everything else waits for it. So a disk that has been quick
 * for a while is waited for in line, and one that was slow is not. A disk that stalls meanwhile holds the process once for
 * as long: its heartbeats stop, so that its peers need not wait for it.
 *
 * @module
 */

/** A disk whose syncs take less than this on average is quick, in milliseconds: a small part of the time between heartbeats. */
export const QUICK_SYNC_MS = 1.5;

/** A sync that takes longer counts as this long: what it says is that the disk is slow, not for how long it will be. */
const SLOW_SYNC_MS = 16;

/** The share of the latest sync in the average. */
const WEIGHT = 1 / 8;

/** See the module's description. One for each file. */
export class SyncPace {
  #averageMs = SLOW_SYNC_MS;

  /** Whether the next sync is waited for in line. */
  get isInLine(): boolean {
    return this.#averageMs < QUICK_SYNC_MS;
  }

  /** A sync has taken `durationMs`. */
  took(durationMs: number): void {
    this.#averageMs += (Math.min(durationMs, SLOW_SYNC_MS) - this.#averageMs) * WEIGHT;
  }
}
