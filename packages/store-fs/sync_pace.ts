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

/**
 * A sync of more bytes is not waited for in line, however quick the disk is, and says nothing about it: it takes several times as
 * long as the switches between threads, and whatever else there is to do can be done meanwhile.
 */
export const QUICK_SYNC_SIZE_MAX_BYTES: number = 32 * 1024;

/** A sync that takes longer counts as this long: what it says is that the disk is slow, not for how long it will be. */
const SLOW_SYNC_MS = 16;

/** The share of the latest sync in the average. */
const WEIGHT = 1 / 8;

/** See the module's description. One for each file. */
export class SyncPace {
  #averageMs = SLOW_SYNC_MS;

  /** Whether a sync of `sizeBytes` is waited for in line. */
  isInLine(sizeBytes: number): boolean {
    return sizeBytes <= QUICK_SYNC_SIZE_MAX_BYTES && this.#averageMs < QUICK_SYNC_MS;
  }

  /** A sync of `sizeBytes` has taken `durationMs`. */
  took(durationMs: number, sizeBytes: number): void {
    if (sizeBytes > QUICK_SYNC_SIZE_MAX_BYTES) return;
    this.#averageMs += (Math.min(durationMs, SLOW_SYNC_MS) - this.#averageMs) * WEIGHT;
  }
}
