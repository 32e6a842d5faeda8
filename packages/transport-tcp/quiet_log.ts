/**
 * Warnings about what others do, which may be often: each is written once and then not again for a while.
 *
 * @module
 */
import type { Logger } from "@coracle/core";

/** How long a repeated warning is left out. */
const QUIET_MS = 60_000;

/** More different warnings than this in a while are a flood of their own: what is known of older ones is forgotten. */
const KEYS_MAX = 256;

/** What was written when, and how often it was left out since. */
interface Written {
  readonly atMs: number;
  leftOut: number;
}

/** Writes warnings, but the same one only once a minute; those in between go to the debug log. */
export class QuietLog {
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  readonly #written = new Map<string, Written>();

  /** `nowMs`: a monotonic clock. */
  constructor(logger: Logger, nowMs: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#nowMs = nowMs;
  }

  /** Writes `message`, unless one with the same `key` was written within the last minute. */
  warn(key: string, message: string, properties: Record<string, unknown>): void {
    const nowMs = this.#nowMs();
    const before = this.#written.get(key);
    if (before !== undefined && nowMs - before.atMs < QUIET_MS) {
      before.leftOut += 1;
      this.#logger.debug(message, properties);
      return;
    }
    if (this.#written.size >= KEYS_MAX) this.#written.clear();
    this.#written.set(key, { atMs: nowMs, leftOut: 0 });
    const leftOut = before?.leftOut ?? 0;
    this.#logger.warn(message, leftOut === 0 ? properties : { ...properties, leftOut });
  }
}
