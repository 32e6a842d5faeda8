/**
 * @module
 */
import { assertEquals } from "@std/assert";
import { describeMetric } from "@coracle/core";
import { MemoryMetrics } from "./memory_metrics.ts";

const CATALOGUE = {
  "calls": describeMetric("counter", "calls", "Calls."),
  "depth": describeMetric("gauge", "entries", "Depth."),
  "wait": describeMetric("sample", "ms", "Wait.", ["peer_id"]),
};

Deno.test("counters add up, gauges keep the last value, samples are all kept, each by label", () => {
  const metrics = new MemoryMetrics(CATALOGUE);
  metrics.counter("calls", 1);
  metrics.counter("calls", 4);
  metrics.gauge("depth", 7);
  metrics.gauge("depth", 0);
  metrics.sample("wait", 5, { peer_id: "a" });
  metrics.sample("wait", 3, { peer_id: "b" });
  metrics.sample("wait", 5, { peer_id: "a" });
  assertEquals(metrics.total("calls"), 5);
  assertEquals(metrics.level("depth"), 0);
  assertEquals(metrics.samples("wait"), [5, 3, 5]);
  assertEquals(metrics.samples("wait", { peer_id: "a" }), [5, 5]);
  assertEquals(metrics.names, ["calls", "depth", "wait"]);
  assertEquals(metrics.problems, []);
  metrics.clear();
  assertEquals([metrics.total("calls"), metrics.level("depth")], [0, undefined]);
});

Deno.test("what is not in the catalogue is named, each once", () => {
  const metrics = new MemoryMetrics(CATALOGUE);
  metrics.counter("call", 1);
  metrics.counter("call", 1);
  metrics.sample("calls", 1);
  metrics.sample("wait", 1);
  metrics.gauge("depth", 1, { peer_id: "a" });
  metrics.gauge("depth", NaN);
  metrics.sample("wait", -1, { peer_id: "a" });
  metrics.counter("calls", 0);
  assertEquals(metrics.problems, [
    "call is not in the catalogue",
    "calls is a counter, not a sample",
    "wait has labels none, not peer_id",
    "depth has labels peer_id, not none",
    "depth is NaN",
    "wait is -1",
    "calls was counted up by 0",
  ]);
});

Deno.test("without a catalogue any name will do", () => {
  const metrics = new MemoryMetrics();
  metrics.gauge("anything", -1, { of: "any" });
  assertEquals([metrics.level("anything", { of: "any" }), metrics.problems.length], [-1, 0]);
});
