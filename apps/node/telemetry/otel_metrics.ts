/**
 * A node's metrics for OpenTelemetry, under hashicorp/raft's names: `raft.commitTime`, `raft.wal.log_appends`.
 *
 * @module
 */
import type { MetricCatalogue, MetricLabels, Metrics, MetricUnit } from "@coracle/core";
import { metrics } from "@opentelemetry/api";
import { VERSION } from "../version.ts";

/** A port for the metrics of `catalogue`; `prefix` goes before their names. */
export function otelMetrics(prefix: string, catalogue: MetricCatalogue): Metrics {
  const meter = metrics.getMeter("coracle", VERSION);
  const takers = new Map(
    Object.entries(catalogue).map(([name, { kind, unit, meaning }]) => {
      const settings = { description: meaning, unit: otelUnit(unit) };
      const exported = `${prefix}${name}`;
      if (kind === "counter") {
        const counter = meter.createCounter(exported, settings);
        return [name, (value: number, labels?: MetricLabels) => counter.add(value, labels)];
      }
      const instrument = kind === "gauge"
        ? meter.createGauge(exported, settings)
        : meter.createHistogram(exported, settings);
      return [name, (value: number, labels?: MetricLabels) => instrument.record(value, labels)];
    }),
  );
  const take = (name: string, value: number, labels?: MetricLabels) =>
    takers.get(name)?.(value, labels);
  return { counter: take, gauge: take, sample: take };
}

/** By UCUM, as OpenTelemetry wants it. */
function otelUnit(unit: MetricUnit): string {
  switch (unit) {
    case "ms":
    case "s":
      return unit;
    case "bytes":
      return "By";
    case "share":
      return "1";
    default:
      return `{${unit}}`;
  }
}
