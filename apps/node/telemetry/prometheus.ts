/**
 * A node's metrics for Prometheus, under hashicorp/raft's names: `raft_commitTime`, `raft_wal_log_appends`.
 *
 * A sample is a histogram and not hashicorp/raft's summary: `_sum` and `_count` are the same, and quantiles can be taken over
 * several nodes.
 *
 * @module
 */
import {
  assertNever,
  type MetricCatalogue,
  type MetricDescription,
  type MetricLabels,
  type Metrics,
  type MetricUnit,
} from "@coracle/core";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** How many values a label has at most; all others are counted together, as `other`. */
export const LABEL_VALUES_MAX = 64;
const OTHER = "other";

const MS_BUCKETS = [
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  25,
  50,
  100,
  250,
  500,
  1000,
  2500,
  5000,
  10_000,
];
const SHARE_BUCKETS = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];
const COUNT_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16_384];

/** Takes one measurement. */
type Take = (value: number, labels: Record<string, string>) => void;

/** See the module's description. */
export class PrometheusMetrics {
  readonly #registry = new Registry();

  /** A port for the metrics of `catalogue`; `prefix` goes before their names. */
  port(prefix: string, catalogue: MetricCatalogue): Metrics {
    const takers = new Map(
      Object.entries(catalogue).map(([name, description]) => {
        const exported = prometheusName(prefix, name);
        return [name, new Taker(this.#taker(exported, description), description.labels)] as const;
      }),
    );
    const take = (name: string, value: number, labels?: MetricLabels) =>
      takers.get(name)?.take(value, labels);
    return { counter: take, gauge: take, sample: take };
  }

  /** All of them, in Prometheus's text format. */
  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #taker(name: string, { kind, unit, meaning, labels }: MetricDescription): Take {
    const settings = {
      name,
      help: `${meaning} Unit: ${unit}.`,
      labelNames: [...labels],
      registers: [this.#registry],
    };
    switch (kind) {
      case "counter": {
        const counter = new Counter(settings);
        return (value, given) => counter.inc(given, value);
      }
      case "gauge": {
        const gauge = new Gauge(settings);
        return (value, given) => gauge.set(given, value);
      }
      case "sample": {
        const histogram = new Histogram({ ...settings, buckets: bucketsOf(unit) });
        return (value, given) => histogram.observe(given, value);
      }
      default:
        return assertNever(kind);
    }
  }
}

/** `fsm.apply` as Prometheus spells it. */
function prometheusName(prefix: string, name: string): string {
  return `${prefix}${name}`.replaceAll(/[^A-Za-z0-9_]/g, "_");
}

/** A metric whose labels are kept within bounds. */
class Taker {
  readonly #take: Take;
  readonly #names: readonly string[];
  readonly #known = new Map<string, Set<string>>();

  constructor(take: Take, names: readonly string[]) {
    this.#take = take;
    this.#names = names;
  }

  take(value: number, labels: MetricLabels = {}): void {
    const bounded: Record<string, string> = {};
    for (const name of this.#names) bounded[name] = this.#bounded(name, labels[name] ?? "");
    this.#take(value, bounded);
  }

  #bounded(name: string, value: string): string {
    let known = this.#known.get(name);
    if (known === undefined) this.#known.set(name, known = new Set());
    if (known.has(value)) return value;
    if (known.size >= LABEL_VALUES_MAX) return OTHER;
    known.add(value);
    return value;
  }
}

function bucketsOf(unit: MetricUnit): number[] {
  switch (unit) {
    case "ms":
    case "s":
      return MS_BUCKETS;
    case "share":
      return SHARE_BUCKETS;
    case "bytes":
      return COUNT_BUCKETS.map((count) => count * 64);
    case "entries":
    case "messages":
    case "servers":
    case "calls":
    case "times":
      return COUNT_BUCKETS;
    default:
      return assertNever(unit);
  }
}
