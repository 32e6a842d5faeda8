/**
 * How long calls took, in a few numbers.
 *
 * @module
 */

/** Percentiles in milliseconds; `undefined` where there was no call. */
export interface LatencySummary {
  /** Half of the calls took at most so long. */
  readonly p50: number | undefined;
  /** Nine of ten. */
  readonly p90: number | undefined;
  /** 99 of 100. */
  readonly p99: number | undefined;
  /** 999 of 1000. */
  readonly p999: number | undefined;
  /** The slowest. */
  readonly max: number | undefined;
}

/** The summary of `latenciesMs`, which is sorted. A percentile is a latency that some call had: the smallest that covers its share. */
export function latencySummary(latenciesMs: number[]): LatencySummary {
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number) => latenciesMs[Math.ceil(share * latenciesMs.length) - 1];
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: latenciesMs.at(-1) };
}
