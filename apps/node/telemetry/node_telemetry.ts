/**
 * What measures a node, if anybody wants to know: Prometheus, the live status, OpenTelemetry. Without any of them, the node
 * measures nothing, and their libraries are not loaded.
 *
 * @module
 */
import { type MetricCatalogue, type Metrics, RAFT_METRICS } from "@coracle/core";
import { STORE_METRICS } from "@coracle/store-fs";
import { TRANSPORT_METRICS } from "@coracle/transport-tcp";
import { LiveFigures } from "../http/live_figures.ts";
import type { PrometheusMetrics } from "./prometheus.ts";
import type { WriteTracing } from "./write_tracing.ts";
import { isTelemetryOn } from "./tracing.ts";

/** Where each part of a node measures to. */
export interface PartMetrics {
  /** The consensus. */
  readonly raft: Metrics;
  /** The transport. */
  readonly transport: Metrics;
  /** The log store. */
  readonly store: Metrics;
}

/** The catalogues of the parts, and what goes before their names. */
const PARTS = {
  raft: ["raft.", RAFT_METRICS],
  transport: ["raft.", TRANSPORT_METRICS],
  store: ["raft.wal.", STORE_METRICS],
} as const satisfies Record<keyof PartMetrics, readonly [string, MetricCatalogue]>;

/** See the module's description. */
export class NodeTelemetry {
  private constructor(
    /** Where the parts measure to; `undefined` if nobody wants to know. */
    readonly metrics: PartMetrics | undefined,
    /** For Prometheus. */
    readonly prometheus: PrometheusMetrics | undefined,
    /** For the live status. */
    readonly figures: LiveFigures,
    /** Traces writes, if the process exports to OpenTelemetry. */
    readonly tracing: WriteTracing | undefined,
  ) {}

  /** `id`: the node; `prometheus`: whether somebody may ask for its metrics, or for the live status. OpenTelemetry is used if the process exports to it. */
  static async start(
    { id, prometheus: wanted }: { readonly id: string; readonly prometheus: boolean },
  ): Promise<NodeTelemetry> {
    const figures = new LiveFigures();
    const prometheus = wanted
      ? new (await import("./prometheus.ts")).PrometheusMetrics()
      : undefined;
    const isOn = isTelemetryOn();
    const otel = isOn ? (await import("./otel_metrics.ts")).otelMetrics : undefined;
    const tracing = isOn ? new (await import("./write_tracing.ts")).WriteTracing(id) : undefined;
    const to = (part: keyof PartMetrics): Metrics => {
      const [prefix, catalogue] = PARTS[part];
      const all = [prometheus?.port(prefix, catalogue), otel?.(prefix, catalogue)];
      return both([...all, ...(part === "raft" && wanted ? [figures] : [])]);
    };
    const metrics = prometheus === undefined && otel === undefined
      ? undefined
      : { raft: to("raft"), transport: to("transport"), store: to("store") };
    return new NodeTelemetry(metrics, prometheus, figures, tracing);
  }
}

function both(wanted: readonly (Metrics | undefined)[]): Metrics {
  const all = wanted.filter((metrics) => metrics !== undefined);
  if (all.length === 1) return all[0]!;
  return {
    counter: (name, by, labels) => all.forEach((metrics) => metrics.counter(name, by, labels)),
    gauge: (name, value, labels) => all.forEach((metrics) => metrics.gauge(name, value, labels)),
    sample: (name, value, labels) => all.forEach((metrics) => metrics.sample(name, value, labels)),
  };
}
