/**
 * Every metric of the catalogue, in a scenario whose course is known: what is emitted, and with which value.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import type { Fsm } from "../ports/fsm.ts";
import { apply, SpendingClock, startMeteredNode } from "./_testing/metered_node.ts";
import { CONSENSUS_SCENARIOS } from "./_testing/metered_scenarios.ts";
import { SNAPSHOT_SCENARIOS } from "./_testing/metered_snapshots.ts";
import { RAFT_METRICS } from "./metrics.ts";

const SCENARIOS = [...CONSENSUS_SCENARIOS, ...SNAPSHOT_SCENARIOS];

for (const { name, expected, run } of SCENARIOS) {
  Deno.test(`measured: ${name}`, async () => {
    await using node = await run();
    const { metrics } = node;
    const measured = Object.keys(expected).map((metric) => {
      const { kind } = RAFT_METRICS[metric]!;
      if (kind === "counter") return [metric, metrics.total(metric)];
      return [metric, kind === "gauge" ? metrics.level(metric) : metrics.samples(metric)];
    });
    assertEquals(Object.fromEntries(measured), expected);
    assertEquals(metrics.problems, []);
  });
}

Deno.test("measured: how busy deciding and sending keeps the node, without applying", async () => {
  const clock = new SpendingClock();
  const fsm: Fsm = { apply: () => clock.spend(100) };
  await using node = await startMeteredNode({
    clock,
    fsm,
    peerIds: ["n2"],
    peerSuffrage: "nonvoter",
  });
  const { metrics, peers } = node;
  peers.sendMs = 2;
  await clock.advance(550);
  await apply(node, 1);
  const samples = () => metrics.samples("thread.main.saturation");
  await clock.waitFor("a second has passed", 1000, () => samples().length > 0);
  assertEquals(clock.spentMs - 100 > 0, true);
  assertEquals(samples(), [(clock.spentMs - 100) / clock.now()]);
  assertEquals(metrics.samples("thread.fsm.saturation"), []);
});

Deno.test("every metric of the catalogue is measured in a scenario", () => {
  const measured = new Set(SCENARIOS.flatMap(({ expected }) => Object.keys(expected)));
  measured.add("thread.main.saturation");
  assertEquals([...measured].sort(), Object.keys(RAFT_METRICS).sort());
});

/** Virtual time that counts how often it is read. */
class CountingClock extends SpendingClock {
  reads = 0;

  override now(): number {
    this.reads += 1;
    return super.now();
  }
}

Deno.test("without metrics nothing is measured: the clock is read as often as the work itself needs it", async () => {
  const clock = new CountingClock();
  await using node = await startMeteredNode({ clock, peerIds: [], isMeasured: false });
  await clock.advance(0);
  clock.reads = 0;
  await apply(node, 10);
  await settle();
  // For the deadlines of the calls, the step that appends, the step that commits, and the turn that applies.
  assertEquals(clock.reads, 4);
  assertEquals(node.metrics.measurements, []);
});

Deno.test("with metrics a batch costs the same, however many commands it has", async () => {
  const costs: { readonly reads: number; readonly measured: readonly string[] }[] = [];
  for (const count of [1, 2, 15]) {
    const clock = new CountingClock();
    await using node = await startMeteredNode({ clock, peerIds: [] });
    await clock.advance(0);
    clock.reads = 0;
    node.metrics.clear();
    await apply(node, count);
    await settle();
    const measured = node.metrics.measurements.map(({ name }) => name);
    costs.push({ reads: clock.reads, measured });
  }
  assertEquals(costs[1], costs[0]);
  assertEquals(costs[2]!.measured, costs[0]!.measured);
  // One more look whether a turn is over, which has nothing to do with metrics.
  assertEquals(costs[2]!.reads, costs[0]!.reads + 1);
});
