/**
 * Raft: a restore that the next leader must end, though its first entry is a configuration.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Cluster } from "./_testing/cluster.ts";
import { watch } from "./_testing/outcome.ts";
import { assertEqualReplicas, Slow } from "./_testing/backups.ts";

Deno.test("B54: a new leader whose first entry names a store ends its predecessor's restore as well", async () => {
  const heard = ["n1", "n2", "n3"];
  await using cluster = await Cluster.start(4, {
    isFounding: true,
    retain: 2,
    config: { trailingLogs: 5 },
  });
  // No leader hears n4, so its store has no name before the next one is elected by it.
  cluster.network.partition(heard, ["n4"]);
  const first = await cluster.leader(heard);
  await cluster.write("before", 5);
  const backup = new Slow();
  const restore = watch(first.raft.restore(backup));
  backup.give("a");
  await cluster.clock.advance(100);
  const others = heard.filter((id) => id !== first.id);
  for (const id of others) assertEquals(cluster.node(id).snapshots!.writing, 1, id);
  cluster.network.heal();
  cluster.network.partition([first.id], [...others, "n4"]);
  const next = await cluster.leader([...others, "n4"]);
  cluster.network.heal();
  await cluster.leader();
  await cluster.clock.waitFor("it is over", 5000, () => restore.settled);
  assertEquals(restore.summary, "leadership-lost/failed");
  const snap = watch(next.raft.snapshot());
  await cluster.clock.waitFor("a snapshot is made", 2000, () => snap.settled);
  assertEquals(snap.summary, "resolved");
  await assertEqualReplicas(cluster, Array.from({ length: 5 }, (_, n) => `before ${n}`));
});
