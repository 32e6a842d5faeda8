/**
 * Raft: what becomes of members that go, and of a cluster that they leave.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import { Cluster, commandOf, type TestNode } from "./_testing/cluster.ts";
import { watch } from "./_testing/outcome.ts";
import { cluster3, suffrageOf } from "./_testing/members.ts";

for (const shutdownOnRemove of [true, false]) {
  const then = shutdownOnRemove ? "stops" : "stays without a place";
  Deno.test(`a leader that removes itself leads until that is committed, then ${then}, and another leads`, async () => {
    const { cluster, leader, others } = await cluster3([], { config: { shutdownOnRemove } });
    await using _ = cluster;
    const removed = watch(leader.raft.removeServer(leader.id));
    const write = watch(leader.raft.apply(commandOf("after the change")));
    await settle();
    assertEquals([leader.raft.state, suffrageOf(leader, leader.id)], ["leader", undefined]);
    await cluster.clock.waitFor("it is committed", 1000, () => removed.settled);
    assertEquals(removed.summary, "resolved");
    await cluster.clock.advance(5000);
    assertEquals(leader.raft.state, shutdownOnRemove ? "shutdown" : "follower");
    if (shutdownOnRemove) assertEquals(await leader.raft.stopped, undefined, "it was asked to");
    assert(write.settled);
    if (shutdownOnRemove) cluster.nodes.delete(leader.id);
    const next = await cluster.leader(others.map(({ id }) => id));
    const { term } = next.raft;
    await cluster.write("without it", 3);
    await cluster.clock.advance(20_000);
    assertEquals([next.raft.state, next.raft.term], ["leader", term], "B28: it disturbs nobody");
  });

  Deno.test(`a follower that is removed hears of it and ${then}`, async () => {
    const { cluster, leader, others } = await cluster3([], { config: { shutdownOnRemove } });
    await using _ = cluster;
    const [gone] = others;
    await cluster.until(leader.raft.removeServer(gone!.id));
    await cluster.clock.advance(5000);
    assertEquals(gone!.raft.state, shutdownOnRemove ? "shutdown" : "follower");
    const { term } = leader.raft;
    await cluster.clock.advance(20_000);
    assertEquals([leader.raft.state, leader.raft.term], ["leader", term]);
  });
}

Deno.test("a node that is shut down after its removal, before it would stop by itself, leaves no timer", async () => {
  const { cluster, leader } = await cluster3();
  await using _ = cluster;
  await cluster.until(leader.raft.removeServer(leader.id));
  await leader.raft.shutdown();
  for (const id of [...cluster.nodes.keys()]) await cluster.stop(id);
  await cluster.clock.advance(1); // what the network still had to say
  assertEquals(cluster.clock.nextTimerAtMs, Infinity);
});

Deno.test("a node that is added again is not stopped by a removal of long ago that it meets in the log", async () => {
  const config = { appendSizeMaxBytes: 1, inflightMessagesMax: 1 };
  const { cluster, leader, others } = await cluster3([], { config });
  await using _ = cluster;
  const gone = others[0]!.id;
  await cluster.until(leader.raft.removeServer(gone));
  await cluster.clock.advance(3000);
  cluster.nodes.delete(gone);
  cluster.wipe(gone);
  await cluster.write("without it", 100);
  const again = await cluster.startNode(gone);
  // One entry at a time: it knows for long of its removal and of nothing later.
  cluster.network.behaviour = { ...cluster.network.behaviour, latencyMinMs: 20, latencyMaxMs: 20 };
  const added = watch(leader.raft.addVoter(gone, gone));
  let removedMs = 0;
  while (!added.settled) {
    await cluster.clock.advance(100);
    assertEquals(again.raft.state, "follower");
    const isMember = suffrageOf(again, gone) !== undefined;
    if (again.raft.lastIndex > 10 && !isMember) removedMs += 100;
  }
  assert(removedMs > 2000, `${removedMs} ms`);
  await cluster.applied(leader.raft.commitIndex);
  // Nor is it stopped later, when it hears nobody for a while.
  cluster.network.partition(cluster.others(gone).map(({ id }) => id), [gone]);
  await cluster.clock.advance(10_000);
  cluster.network.heal();
  await cluster.leader();
  assertEquals(again.fsm.commands, leader.fsm.commands);
});

Deno.test("a leader that leaves one voter behind waits for its disk, and is heard meanwhile: it is not taken for one of another cluster", async () => {
  await using cluster = await Cluster.start(2);
  const leader = await cluster.leader();
  await cluster.applied(await cluster.write("a", 3));
  const [other] = cluster.others(leader.id) as [TestNode];
  const alarms = other.raft.observe({ filter: ({ type }) => type === "otherCluster" });
  leader.log.completion = "manual";
  const write = watch(leader.raft.apply(commandOf("before the change")));
  await settle();
  const removed = watch(leader.raft.removeServer(leader.id));
  await cluster.clock.advance(1500);
  assertEquals([leader.raft.state, other.raft.state], ["leader", "follower"]);
  leader.log.completion = "immediate";
  leader.log.complete();
  await cluster.clock.advance(50);
  assertEquals([write.summary, removed.summary], ["resolved", "resolved"]);
  assertEquals([other.raft.state, alarms.observed], ["leader", 0]);
});

Deno.test("a leader that is demoted goes on as a follower", async () => {
  const { cluster, leader, others } = await cluster3();
  await using _ = cluster;
  await cluster.until(leader.raft.demoteVoter(leader.id));
  const next = await cluster.leader(others.map(({ id }) => id));
  await cluster.applied(await cluster.write("after", 3));
  await cluster.clock.advance(5000);
  assertEquals([leader.raft.state, leader.fsm.commands], ["follower", next.fsm.commands]);
});

for (const how of ["demoteVoter", "removeServer"] as const) {
  Deno.test(`${how}: who alone has the entry that takes its vote sees to it that it is committed`, async () => {
    await using cluster = await Cluster.start(2, { config: { shutdownOnRemove: false } });
    const leader = await cluster.leader();
    const [other] = cluster.others(leader.id) as [TestNode];
    await cluster.applied(await cluster.write("before", 3));
    leader.log.completion = "manual";
    const change = watch(leader.raft[how](other.id));
    await cluster.clock.advance(20);
    assertEquals([suffrageOf(other, other.id), other.raft.lastIndex > other.raft.commitIndex], [
      how === "demoteVoter" ? "nonvoter" : undefined,
      true,
    ]);
    // The leader loses it with its power. It needs the other's vote, which has more than it.
    const disk = await cluster.crash(leader.id);
    assertEquals(disk.lastIndex < other.raft.lastIndex, true);
    disk.completion = "immediate";
    const again = await cluster.startNode(leader.id, disk);
    await cluster.clock.waitFor(
      "it leads alone",
      20_000,
      () => again.raft.state === "leader" && again.raft.configuration().index > 2,
    );
    assertEquals(suffrageOf(again, other.id), how === "demoteVoter" ? "nonvoter" : undefined);
    assertEquals(change.summary, "shutdown/unknown");
    const { term } = again.raft;
    await cluster.clock.advance(10_000);
    assertEquals([again.raft.state, again.raft.term, other.raft.state], [
      "leader",
      term,
      "follower",
    ]);
  });
}

Deno.test("a voter that has missed how another came to vote still votes for it", async () => {
  const { cluster, leader, others } = await cluster3(["n4"], {
    config: { shutdownOnRemove: false },
  });
  await using _ = cluster;
  const [lagging, replaced] = others as [TestNode, TestNode];
  cluster.network.partition([leader.id, replaced.id, "n4"], [lagging.id]);
  await cluster.until(leader.raft.addVoter("n4", "n4"));
  await cluster.until(leader.raft.removeServer(replaced.id));
  // Now the leader is lost. Only n4 has everything, and the one that lags takes it for a stranger.
  await cluster.crash(leader.id);
  cluster.network.heal();
  assertEquals(suffrageOf(lagging, "n4"), undefined);
  const next = await cluster.leader([lagging.id, "n4"]);
  assertEquals(next.id, "n4");
  await cluster.until(next.raft.apply(commandOf("goes on")));
});
