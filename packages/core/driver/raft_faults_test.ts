/**
 * Raft under random faults, whole nodes and real promises: what a caller was told is what happened. The search for
 * unsafe orders of messages is the simulator's; this one is after calls that are lost, answered twice or answered wrongly.
 *
 * @module
 */
import { assert } from "@std/assert";
import { settle } from "@coracle/testing";
import type { RaftConfig } from "../model/config.ts";
import { Cluster } from "./_testing/cluster.ts";
import { Run } from "./_testing/faults.ts";

/** A lease so long that a leader is often still in office when its successor is. */
const CONFIG: Partial<RaftConfig> = { heartbeatTimeoutMs: 1000, leaderLeaseTimeoutMs: 1000 };

for (const size of [1, 3, 5]) {
  Deno.test(`under random faults in a cluster of ${size}, what callers are told is true`, async () => {
    const told = new Map<string, number>();
    for (let seed = 1; seed <= 25; seed += 1) {
      await using cluster = await Cluster.start(size, { seed, config: CONFIG });
      cluster.network.behaviour = {
        latencyMinMs: 0,
        latencyMaxMs: 20,
        lossRate: 0.02,
        repeatRate: 0.02,
        reorderRate: 0.05,
        holdUpMaxMs: 300,
      };
      const run = new Run(seed, cluster);
      try {
        await run.faults(60);
        await run.peace();
        await settle();
        for (const [summary, count] of run.reckoning()) {
          told.set(summary, (told.get(summary) ?? 0) + count);
        }
      } catch (cause) {
        throw new Error(`seed ${seed} in a cluster of ${size}`, { cause });
      }
    }
    // The faults must reach what they are for.
    const needed = ["resolved", "commit-timeout/unknown", "shutdown/unknown", "aborted/unknown"];
    if (size > 1) needed.push("not-leader/not-written", "leadership-lost/unknown");
    for (const summary of needed) {
      assert((told.get(summary) ?? 0) > 0, `${summary}: ${JSON.stringify([...told])}`);
    }
  });
}
