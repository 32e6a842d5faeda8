/**
 * Measuring, for all parts of the driver. A node without `metrics` has no meter: whoever measures asks `meter?.`, and what is
 * behind that (arguments, clocks, closures) is then never evaluated.
 *
 * @module
 */
import type { ServerId } from "../model/configuration.ts";
import type { Clock } from "../ports/clock.ts";
import type { MetricLabels, MetricName, Metrics, MetricsOf } from "../ports/metrics.ts";
import type { RaftMetrics } from "./metrics.ts";

/** The names that are samples. */
export type SampleName = MetricName<RaftMetrics, "sample">;

/** Emits the metrics of the catalogue, and reads the clock for them. */
export class Meter {
  readonly #metrics: MetricsOf<RaftMetrics>;
  readonly #clock: Clock;
  readonly #peerLabels = new Map<ServerId, MetricLabels>();

  /** `clock`: the node's own, so that what is measured in virtual time is virtual. */
  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
  }

  /** The node's clock. */
  get clock(): Clock {
    return this.#clock;
  }

  /** Monotonic milliseconds. */
  now(): number {
    return this.#clock.now();
  }

  /** See `Metrics.counter`. */
  count(name: MetricName<RaftMetrics, "counter">, by = 1, labels?: MetricLabels): void {
    if (by > 0) this.#metrics.counter(name, by, labels);
  }

  /** See `Metrics.gauge`. */
  gauge(name: MetricName<RaftMetrics, "gauge">, value: number, labels?: MetricLabels): void {
    this.#metrics.gauge(name, value, labels);
  }

  /** See `Metrics.sample`. */
  sample(name: SampleName, value: number, labels?: MetricLabels): void {
    this.#metrics.sample(name, value, labels);
  }

  /** Begins to time something; the call of what it returns ends it and emits the sample. What fails never makes that call. */
  time(name: SampleName, labels?: MetricLabels): () => void {
    const beganMs = this.now();
    return () => this.sample(name, this.now() - beganMs, labels);
  }

  /** {@linkcode Meter.time} for a restore of the state machine, which sets a gauge as well. */
  timeRestore(): () => void {
    const beganMs = this.now();
    return () => {
      const durationMs = this.now() - beganMs;
      this.sample("fsm.restore", durationMs);
      this.gauge("fsm.lastRestoreDuration", durationMs);
    };
  }

  /** The labels of what is said of `peer`; made once. */
  peerLabels(peer: ServerId): MetricLabels {
    let labels = this.#peerLabels.get(peer);
    if (labels === undefined) this.#peerLabels.set(peer, labels = { peer_id: peer });
    return labels;
  }
}
