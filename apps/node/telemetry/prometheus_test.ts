/**
 * What Prometheus sees of a node's metrics.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { RAFT_METRICS } from "@coracle/core";
import { STORE_METRICS } from "@coracle/store-fs";
import { LABEL_VALUES_MAX, PrometheusMetrics } from "./prometheus.ts";

async function lines(metrics: PrometheusMetrics): Promise<string[]> {
  const { text, contentType } = await metrics.text();
  assertEquals(contentType, "text/plain; version=0.0.4; charset=utf-8");
  return text.split("\n");
}

Deno.test("names are hashicorp's; counters add up, gauges stay, samples are histograms", async () => {
  const metrics = new PrometheusMetrics();
  const raft = metrics.port("raft.", RAFT_METRICS);
  const store = metrics.port("raft.wal.", STORE_METRICS);
  raft.counter("apply", 2);
  raft.counter("apply", 3);
  raft.gauge("peers", 3);
  raft.sample("commitTime", 4);
  raft.sample("commitTime", 400);
  raft.counter("replication.appendEntries.logs", 7, { peer_id: "n2" });
  store.counter("log_appends", 1);
  const found = await lines(metrics);
  for (
    const line of [
      "raft_apply 5",
      "raft_peers 3",
      'raft_commitTime_bucket{le="5"} 1',
      'raft_commitTime_bucket{le="+Inf"} 2',
      "raft_commitTime_sum 404",
      'raft_replication_appendEntries_logs{peer_id="n2"} 7',
      "raft_wal_log_appends 1",
      "# TYPE raft_commitTime histogram",
    ]
  ) assert(found.includes(line), `${line} is missing in\n${found.join("\n")}`);
});

Deno.test("a label has a bounded number of values", async () => {
  const metrics = new PrometheusMetrics();
  const raft = metrics.port("raft.", RAFT_METRICS);
  for (let at = 0; at < LABEL_VALUES_MAX + 10; at += 1) {
    raft.counter("replication.appendEntries.logs", 1, { peer_id: `n${at}` });
  }
  const found = (await lines(metrics)).filter((line) =>
    line.startsWith("raft_replication_appendEntries_logs{")
  );
  assertEquals(found.length, LABEL_VALUES_MAX + 1);
  assert(found.includes('raft_replication_appendEntries_logs{peer_id="other"} 10'));
});
