/**
 * What is measured while messages are lost, repeated and reordered, connections break and leaders change.
 *
 * @module
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { MemoryLog, MemoryMetrics, MemoryNetwork, Prng, VirtualClock } from "@coracle/testing";
import type { Server } from "../model/configuration.ts";
import { commandOf } from "./_testing/cluster.ts";
import { RAFT_METRICS } from "./metrics.ts";
import { Raft } from "./raft.ts";

const IDS = ["n1", "n2", "n3"];

for (let seed = 1; seed <= 5; seed += 1) {
  Deno.test(`measurements under faults are possible ones, seed ${seed}`, async () => {
    const clock = new VirtualClock();
    const random = new Prng(seed);
    const network = new MemoryNetwork({
      clock,
      random,
      behaviour: {
        latencyMinMs: 1,
        latencyMaxMs: 20,
        lossRate: 0.05,
        repeatRate: 0.05,
        reorderRate: 0.1,
        holdUpMaxMs: 200,
      },
    });
    const servers: Server[] = IDS.map((id) => ({ id, address: id, suffrage: "voter" }));
    const nodes = await Promise.all(IDS.map(async (id, at) => {
      const metrics = new MemoryMetrics(RAFT_METRICS);
      const raft = await Raft.start({
        id,
        fsm: { apply: () => undefined },
        log: new MemoryLog(),
        transport: network.transport(id),
        config: { leaderLeaseTimeoutMs: 300, heartbeatTimeoutMs: 500, electionTimeoutMs: 500 },
        clock,
        metrics,
        seed: seed * 10 + at,
      });
      await raft.bootstrap({ servers });
      return { raft, metrics };
    }));
    const wanted = { apply: 0 };
    for (let times = 0; times < 300; times += 1) {
      if (times === 100) network.partition([random.pick(IDS)]);
      if (times === 200) network.heal();
      if (times % 50 === 25) {
        const [one, other] = random.shuffle([...IDS]);
        network.disconnect(one!, other!);
      }
      for (const { raft } of nodes) {
        if (raft.state !== "leader") continue;
        wanted.apply += 1;
        raft.apply(commandOf("x")).catch(() => {});
        raft.read(() => 0, { timeoutMs: 1000 }).catch(() => {});
      }
      await clock.advance(50);
    }
    const all = nodes.map(({ metrics }) => metrics);
    const total = (name: string) => all.reduce((sum, metrics) => sum + metrics.total(name), 0);
    const samples = (name: string) => all.flatMap((metrics) => metrics.samples(name));
    for (const metrics of all) assertEquals(metrics.problems, []);
    assert(total("apply") > 100, `only ${total("apply")} commands were appended`);
    assertLessOrEqual(total("apply"), wanted.apply);
    assert(total("state.leader") > 0 && samples("replication.heartbeat").length > 0);
    // No entry is committed without having been sent and accepted, so that takes at least twice the shortest way.
    for (const time of samples("commitTime")) assert(time >= 2, `committed after ${time} ms`);
    for (const time of samples("replication.appendEntries.rpc")) assert(time >= 2);
    for (const share of samples("thread.main.saturation")) assertLessOrEqual(share, 1);
    for (const { raft } of nodes) await raft.shutdown();
  });
}
