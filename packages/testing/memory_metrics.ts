/**
 * Measurements in memory, for tests of what measures.
 *
 * @module
 */
import type { MetricCatalogue, MetricKind, MetricLabels, Metrics } from "@coracle/core";

/** One call of a {@linkcode Metrics}. */
export interface Measurement {
  /** Which of its methods. */
  readonly kind: MetricKind;
  /** The metric's name. */
  readonly name: string;
  /** By how much, at which level, or which observation. */
  readonly value: number;
  /** The labels; none if none were given. */
  readonly labels: MetricLabels;
}

/**
 * Keeps all measurements, in order, and holds them to a catalogue.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { RAFT_METRICS } from "@coracle/core";
 * import { MemoryMetrics } from "@coracle/testing";
 *
 * const metrics = new MemoryMetrics(RAFT_METRICS);
 * metrics.counter("apply", 2);
 * metrics.counter("apply", 1);
 * metrics.sample("replication.heartbeat", 0.4, { peer_id: "n2" });
 * assertEquals(metrics.total("apply"), 3);
 * assertEquals(metrics.samples("replication.heartbeat", { peer_id: "n2" }), [0.4]);
 * assertEquals(metrics.problems, []);
 *
 * metrics.gauge("apply", 1);
 * assertEquals(metrics.problems, ["apply is a counter, not a gauge"]);
 * ```
 */
export class MemoryMetrics implements Metrics {
  /** Everything that was measured. */
  readonly measurements: Measurement[] = [];
  /** What does not agree with the catalogue, in words. */
  readonly problems: string[] = [];
  readonly #catalogue: MetricCatalogue | undefined;

  /** `catalogue`: what may be measured; anything, by default. */
  constructor(catalogue?: MetricCatalogue) {
    this.#catalogue = catalogue;
  }

  /** See {@linkcode Metrics.counter}. */
  counter(name: string, by: number, labels?: MetricLabels): void {
    if (!(by > 0)) this.problems.push(`${name} was counted up by ${by}`);
    this.#record("counter", name, by, labels);
  }

  /** See {@linkcode Metrics.gauge}. */
  gauge(name: string, value: number, labels?: MetricLabels): void {
    this.#record("gauge", name, value, labels);
  }

  /** See {@linkcode Metrics.sample}. */
  sample(name: string, value: number, labels?: MetricLabels): void {
    this.#record("sample", name, value, labels);
  }

  /** The names of everything that was measured, each once, in order. */
  get names(): string[] {
    return [...new Set(this.measurements.map(({ name }) => name))];
  }

  /** Where a counter stands, over all labels or for those that are given. */
  total(name: string, labels: MetricLabels = {}): number {
    return this.#values("counter", name, labels).reduce((sum, value) => sum + value, 0);
  }

  /** Where a gauge was set last; `undefined` if it never was. */
  level(name: string, labels: MetricLabels = {}): number | undefined {
    return this.#values("gauge", name, labels).at(-1);
  }

  /** The observations of a sample, in order. */
  samples(name: string, labels: MetricLabels = {}): number[] {
    return this.#values("sample", name, labels);
  }

  /** Forgets all measurements. */
  clear(): void {
    this.measurements.length = 0;
  }

  #values(kind: MetricKind, name: string, labels: MetricLabels): number[] {
    const wanted = Object.entries(labels);
    return this.measurements
      .filter((one) => one.kind === kind && one.name === name)
      .filter((one) => wanted.every(([label, value]) => one.labels[label] === value))
      .map(({ value }) => value);
  }

  #record(kind: MetricKind, name: string, value: number, labels: MetricLabels = {}): void {
    this.measurements.push({ kind, name, value, labels });
    const problem = this.#problem(kind, name, value, labels);
    if (problem !== undefined && !this.problems.includes(problem)) this.problems.push(problem);
  }

  #problem(
    kind: MetricKind,
    name: string,
    value: number,
    labels: MetricLabels,
  ): string | undefined {
    if (!Number.isFinite(value)) return `${name} is ${value}`;
    if (this.#catalogue === undefined) return undefined;
    const description = this.#catalogue[name];
    if (description === undefined) return `${name} is not in the catalogue`;
    if (description.kind !== kind) return `${name} is a ${description.kind}, not a ${kind}`;
    const given = Object.keys(labels).sort().join(", ") || "none";
    const expected = [...description.labels].sort().join(", ") || "none";
    if (given !== expected) return `${name} has labels ${given}, not ${expected}`;
    return value < 0 ? `${name} is ${value}` : undefined;
  }
}
