/**
 * How fast a node has been in the last second: its disk and its state machine.
 *
 * @module
 */
import type { Metrics } from "@coracle/core";

/** See the module's description. */
export interface Figures {
  /** Entries that the state machine has come on by, a second. A snapshot from a leader counts with all its entries. */
  readonly entriesPerSecond: number;
  /** Writes of entries to the disk. */
  readonly diskWrites: number;
  /** How long one took on average, syncing included. */
  readonly diskWriteMs: number | undefined;
  /** How long the longest took. */
  readonly diskWriteMaxMs: number | undefined;
}

/** The names under which core samples a write of entries: as a leader, and as a follower. */
const DISK_WRITES = ["leader.dispatchLog", "rpc.appendEntries.storeLogs"];

const NOTHING: Figures = {
  entriesPerSecond: 0,
  diskWrites: 0,
  diskWriteMs: undefined,
  diskWriteMaxMs: undefined,
};

/** Takes a node's measurements, and sums up those of each second. */
export class LiveFigures implements Metrics {
  #latest = NOTHING;
  #beganMs: number | undefined;
  #appliedIndex = 0;
  #writes = 0;
  #writesMs = 0;
  #writeMaxMs = 0;

  /** Those of the last second that has ended. */
  get latest(): Figures {
    return this.#latest;
  }

  /** Ends a second: at `nowMs` the state machine has come to `appliedIndex`. */
  roll(nowMs: number, appliedIndex: number): void {
    const tookMs = nowMs - (this.#beganMs ?? nowMs);
    const writes = this.#writes;
    this.#latest = {
      entriesPerSecond: tookMs > 0
        ? Math.max(0, appliedIndex - this.#appliedIndex) * 1000 / tookMs
        : 0,
      diskWrites: writes,
      diskWriteMs: writes === 0 ? undefined : this.#writesMs / writes,
      diskWriteMaxMs: writes === 0 ? undefined : this.#writeMaxMs,
    };
    this.#beganMs = nowMs;
    this.#appliedIndex = appliedIndex;
    this.#writes = this.#writesMs = this.#writeMaxMs = 0;
  }

  /** Counts nothing. */
  counter(): void {}

  /** Looks at no levels. */
  gauge(): void {}

  /** Takes the writes of the disk. */
  sample(name: string, value: number): void {
    if (!DISK_WRITES.includes(name)) return;
    this.#writes += 1;
    this.#writesMs += value;
    this.#writeMaxMs = Math.max(this.#writeMaxMs, value);
  }
}
