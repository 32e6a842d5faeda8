/**
 * The port to measurements: counts, levels and samples under names, for whoever collects them.
 *
 * Names are hashicorp/raft's without its prefix: whoever exports them puts `raft.` before those of core and of a transport,
 * and `raft.wal.` before those of a store. What each says is in the catalogue of the package that emits it
 * (`RAFT_METRICS` in core) and in docs/metrics.md.
 *
 * @module
 */

/** What tells apart measurements of the same name, such as which peer. Never changed once handed over. */
export type MetricLabels = Readonly<Record<string, string>>;

/**
 * Takes measurements. Its methods are called in the middle of the node's work, many times a second: they must return at once
 * and must not throw. Handed nothing, a node measures nothing: it does not even look at the clock.
 *
 * ```ts
 * import type { Metrics } from "@coracle/core";
 * import { assertEquals } from "@std/assert";
 *
 * const totals = new Map<string, number>();
 * const metrics: Metrics = {
 *   counter: (name, by) => totals.set(`raft.${name}`, (totals.get(`raft.${name}`) ?? 0) + by),
 *   gauge: () => {},
 *   sample: () => {},
 * };
 * metrics.counter("apply", 3);
 * metrics.counter("apply", 2);
 * assertEquals(totals.get("raft.apply"), 5);
 * ```
 */
export interface Metrics {
  /** `by` more of something happened; `by` is above 0. */
  counter(name: string, by: number, labels?: MetricLabels): void;
  /** Something is at `value` now. */
  gauge(name: string, value: number, labels?: MetricLabels): void;
  /** One observation of something that varies. A timer's are milliseconds. */
  sample(name: string, value: number, labels?: MetricLabels): void;
}

/** Which method of {@linkcode Metrics} a metric comes through. */
export type MetricKind = "counter" | "gauge" | "sample";

/** What a metric's numbers are. `share` is from 0 to 1; `times` counts events that have no better name. */
export type MetricUnit =
  | "ms"
  | "s"
  | "bytes"
  | "entries"
  | "messages"
  | "servers"
  | "calls"
  | "times"
  | "share";

/** One metric of a catalogue. */
export interface MetricDescription<Kind extends MetricKind = MetricKind> {
  /** How it comes. */
  readonly kind: Kind;
  /** What its numbers are. */
  readonly unit: MetricUnit;
  /** What it says, and when, for people. */
  readonly meaning: string;
  /** The labels that it always carries. */
  readonly labels: readonly string[];
}

/** All metrics that a package emits, by name. */
export type MetricCatalogue = Readonly<Record<string, MetricDescription>>;

/** The names in a catalogue that come as `Kind`. */
export type MetricName<Catalogue extends MetricCatalogue, Kind extends MetricKind> = {
  [Name in keyof Catalogue & string]: Catalogue[Name]["kind"] extends Kind ? Name : never;
}[keyof Catalogue & string];

/** {@linkcode Metrics} as a package uses it: it takes only names of its catalogue, each as what it is. */
export interface MetricsOf<Catalogue extends MetricCatalogue> {
  /** See {@linkcode Metrics.counter}. */
  counter(name: MetricName<Catalogue, "counter">, by: number, labels?: MetricLabels): void;
  /** See {@linkcode Metrics.gauge}. */
  gauge(name: MetricName<Catalogue, "gauge">, value: number, labels?: MetricLabels): void;
  /** See {@linkcode Metrics.sample}. */
  sample(name: MetricName<Catalogue, "sample">, value: number, labels?: MetricLabels): void;
}

/** A line of a catalogue. */
export function describeMetric<Kind extends MetricKind>(
  kind: Kind,
  unit: MetricUnit,
  meaning: string,
  labels: readonly string[] = [],
): MetricDescription<Kind> {
  return { kind, unit, meaning, labels };
}
