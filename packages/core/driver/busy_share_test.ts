/**
 * How busy something is.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { MemoryMetrics, VirtualClock } from "@coracle/testing";
import { BusyShare } from "./busy_share.ts";
import { Meter } from "./meter.ts";
import { RAFT_METRICS } from "./metrics.ts";

/** A share whose first interval began at 5000. */
function startShare(): { share: BusyShare; samples: () => number[] } {
  const metrics = new MemoryMetrics(RAFT_METRICS);
  const meter = new Meter(metrics, new VirtualClock({ startMs: 5000 }));
  const share = new BusyShare(meter, "thread.main.saturation");
  return { share, samples: () => metrics.samples("thread.main.saturation") };
}

Deno.test("the share of an interval is the time inside by the time that went by, once a second", () => {
  const { share, samples } = startShare();
  for (let atMs = 5000; atMs < 5900; atMs += 100) {
    share.enter(atMs);
    share.leave(atMs + 25);
  }
  assertEquals(samples(), []);
  share.enter(5990);
  share.leave(6000);
  assertEquals(samples(), [(9 * 25 + 10) / 1000]);
  // The next interval begins where this one ended.
  share.enter(6000);
  share.leave(7000);
  assertEquals(samples(), [0.235, 1]);
});

Deno.test("a pause is part of the interval that ends after it", () => {
  const { share, samples } = startShare();
  share.enter(5000);
  share.leave(5500);
  share.enter(14_500);
  share.leave(15_000);
  assertEquals(samples(), [0.1]);
});

Deno.test("work within work counts once, and what is another's does not count", () => {
  const { share, samples } = startShare();
  share.enter(5000);
  share.enter(5100);
  share.exclude(300);
  share.leave(5800);
  // Nothing is under way: it cannot be part of it.
  share.exclude(300);
  share.leave(5900);
  share.enter(6000);
  share.leave(6000);
  assertEquals(samples(), [0.5]);
});
