import { assertEquals, assertGreater } from "@std/assert";
import { reportText } from "./report.ts";
import { soak } from "./soak.ts";

Deno.test("a soak of some seconds loses no word, sees each on a majority's disks, and knows what nodes take", async () => {
  const result = await soak({
    durationMs: 12_000,
    rate: 200,
    clients: 10,
    seed: 7,
    // A few seconds of nodes that have just started say nothing of how fast they are.
    p99MaxMs: Infinity,
    sampleIntervalMs: 1000,
    auditIntervalMs: 1000,
    disturbances: { pauseMs: [300, 900], goneMs: [0, 300], longGoneMs: 300 },
    flags: [
      "--snapshot-threshold=50",
      "--snapshot-interval-ms=500",
      "--trailing-logs=20000",
      "--segment-size-bytes=8192",
    ],
  }, () => {});
  const { words, samples, disturbances } = result;
  assertEquals(result.problems, [], reportText(result));
  assertGreater(words.acknowledged, 100);
  assertEquals(words.seen, words.acknowledged);
  assertGreater(disturbances.length, 0);
  const [first] = samples.flatMap(({ nodes }) => nodes);
  assertGreater(first!.rssMib, 10);
  assertGreater(first!.handles, 5);
  assertGreater(first!.diskMib, 0.001);
});
