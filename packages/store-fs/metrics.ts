/**
 * What a log store measures, under the names of hashicorp/raft-wal.
 *
 * @module
 */
import {
  type Clock,
  describeMetric as metric,
  type EntryRun,
  type Index,
  type MetricDescription,
  type Metrics,
  type MetricsOf,
} from "@coracle/core";
import type { PlannedChange } from "./format/change.ts";

const METRICS = {
  "log_entries_written": metric("counter", "entries", "Entries that were made durable."),
  "log_entry_bytes_written": metric(
    "counter",
    "bytes",
    "Their encoded size. What is on the disk is a little more: each batch has a header and a checksum.",
  ),
  "log_appends": metric("counter", "times", "Batches with entries: one write and one sync each."),
  "log_entries_read": metric(
    "counter",
    "entries",
    "Entries that were read from segments. What the cache holds is not counted.",
  ),
  "log_entry_bytes_read": metric("counter", "bytes", "Their encoded size."),
  "segment_rotations": metric("counter", "times", "A segment was full and the next one begun."),
  "head_truncations": metric(
    "counter",
    "entries",
    "Entries that were dropped from the beginning of the log: made unnecessary by a snapshot, or by one that was received.",
  ),
  "tail_truncations": metric(
    "counter",
    "entries",
    "Entries that were dropped from the end of the log, since the leader has others in their place.",
  ),
  "stable_sets": metric("counter", "times", "Batches with a new term or vote."),
  "last_segment_age_seconds": metric(
    "gauge",
    "s",
    "How long the segment that was full last has been written to; for one that was there when the store was opened, since then.",
  ),
};

/** What a log store measures, by name. */
export const STORE_METRICS: Readonly<Record<string, MetricDescription>> = METRICS;

/** A log as it was before a change. */
interface Bounds {
  readonly firstIndex: Index;
  readonly lastIndex: Index;
}

/** Emits the metrics of the catalogue, once for each batch, read and removal. */
export class StoreMeter {
  readonly #metrics: MetricsOf<typeof METRICS>;
  readonly #clock: Clock;
  #segmentSinceMs: number;

  /** The store is opened now. */
  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
    this.#segmentSinceMs = clock.now();
  }

  /** `change` of a log with the bounds `before` is durable. */
  written({ hardState, cut, entries, runs }: PlannedChange, before: Bounds): void {
    if (hardState !== undefined) this.#metrics.counter("stable_sets", 1);
    if (cut?.kind === "reset") this.removed(before.lastIndex - before.firstIndex + 1);
    else if (cut !== undefined) this.#count("tail_truncations", before.lastIndex - cut.lastIndex);
    if (entries === undefined) return;
    this.#metrics.counter("log_appends", 1);
    this.#count("log_entries_written", entries.lastIndex - entries.firstIndex + 1);
    this.#count("log_entry_bytes_written", runs.reduce((sum, { bytes }) => sum + bytes.length, 0));
  }

  /** Entries were read from a segment. */
  read({ count, bytes }: EntryRun): void {
    this.#count("log_entries_read", count);
    this.#count("log_entry_bytes_read", bytes.length);
  }

  /** So many entries were dropped from the beginning. */
  removed(count: number): void {
    this.#count("head_truncations", count);
  }

  /** A segment was full, and another one is begun. */
  rotated(): void {
    const nowMs = this.#clock.now();
    this.#metrics.counter("segment_rotations", 1);
    this.#metrics.gauge("last_segment_age_seconds", (nowMs - this.#segmentSinceMs) / 1000);
    this.#segmentSinceMs = nowMs;
  }

  #count(
    name:
      | "log_entries_written"
      | "log_entry_bytes_written"
      | "log_entries_read"
      | "log_entry_bytes_read"
      | "head_truncations"
      | "tail_truncations",
    by: number,
  ): void {
    if (by > 0) this.#metrics.counter(name, by);
  }
}
