/**
 * Percentiles of latencies.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { latencySummary } from "./latency.ts";

Deno.test("a percentile is the smallest latency that covers its share", () => {
  const latencies = Array.from({ length: 1000 }, (_, at) => 1000 - at);
  assertEquals(latencySummary(latencies), { p50: 500, p90: 900, p99: 990, p999: 999, max: 1000 });
  assertEquals(latencySummary([7]), { p50: 7, p90: 7, p99: 7, p999: 7, max: 7 });
  assertEquals(latencySummary([3, 1, 2]).p50, 2);
});

Deno.test("without a call there is none", () => {
  assertEquals(latencySummary([]).max, undefined);
  assertEquals(latencySummary([]).p50, undefined);
});
