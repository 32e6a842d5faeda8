/**
 * Raft: restarts, from what the disk holds and nothing else.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import { toIndex, toTerm } from "../model/numbers.ts";
import { Cluster, commandOf } from "./_testing/cluster.ts";
import { makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import { watch } from "./_testing/outcome.ts";

for (const size of [1, 3, 5]) {
  Deno.test(`a cluster of ${size} that is stopped and started goes on where it was`, async () => {
    await using cluster = await Cluster.start(size);
    const before = await cluster.leader();
    for (const text of ["a", "b", "c"]) await cluster.until(before.raft.apply(commandOf(text)));
    await cluster.applied(before.raft.commitIndex);
    const { term } = before.raft;
    const disks = new Map<string, Awaited<ReturnType<Cluster["stop"]>>>();
    for (const id of cluster.ids) disks.set(id, await cluster.stop(id));

    for (const [id, disk] of disks) {
      const { raft } = await cluster.startNode(id, disk);
      assertEquals(raft.configuration().configuration.servers.length, size);
      assertEquals(raft.lastIndex, toIndex(5));
      assertEquals(raft.appliedIndex, toIndex(0), "its state machine begins anew");
    }
    const after = await cluster.leader();
    assert(after.raft.term > term);
    const { index } = await cluster.until(after.raft.apply(commandOf("d")));
    await cluster.applied(index);
    for (const { fsm } of cluster.nodes.values()) assertEquals(fsm.commands, ["a", "b", "c", "d"]);
  });

  Deno.test(`a cluster of ${size} that loses its power keeps what it has acknowledged`, async () => {
    await using cluster = await Cluster.start(size);
    const before = await cluster.leader();
    const texts = Array.from({ length: 50 }, (_, n) => `${n}`);
    const calls = texts.map((text) => watch(before.raft.apply(commandOf(text))));
    const rest = watch(before.raft.apply(commandOf("perhaps")));
    await cluster.clock.waitFor(
      "fifty are acknowledged",
      1000,
      () => calls.every(({ settled }) => settled),
    );
    const disks = new Map<string, Awaited<ReturnType<Cluster["crash"]>>>();
    for (const id of cluster.ids) disks.set(id, await cluster.crash(id));
    await settle();
    assert(rest.settled);
    for (const [id, disk] of disks) await cluster.startNode(id, disk);
    const after = await cluster.leader();
    await cluster.applied(await cluster.until(after.raft.barrier()));
    for (const { fsm } of cluster.nodes.values()) {
      assertEquals(fsm.commands.filter((text) => text !== "perhaps"), texts);
    }
  });
}

Deno.test("a node that was away gets what it has missed", async () => {
  await using cluster = await Cluster.start(3, { config: { appendSizeMaxBytes: 200 } });
  const first = await cluster.leader();
  const [away] = cluster.others(first.id);
  const disk = await cluster.crash(away!.id);
  const texts = Array.from({ length: 100 }, (_, n) => `while it was away ${n}`);
  for (const text of texts) await cluster.until(first.raft.apply(commandOf(text)));
  const node = await cluster.startNode(away!.id, disk);
  await cluster.applied(first.raft.commitIndex);
  assertEquals(node.fsm.commands, texts);
  assertEquals(first.raft.state, "leader", "its return disturbs nobody");
});

Deno.test("a node that was never bootstrapped joins the cluster that counts it among its own", async () => {
  await using cluster = await Cluster.start(3);
  await cluster.crash("n3"); // before anybody has heard of it
  const leader = await cluster.leader();
  await cluster.until(leader.raft.apply(commandOf("x")));
  const { raft, fsm } = await cluster.startNode("n3");
  const changes = raft.leadershipChanges();
  assertEquals((await changes.next()).value!.leader, undefined);
  const news = [watch(changes.next()), watch(changes.next())];
  await cluster.clock.waitFor("it hears the leader", 1000, () => news[0]!.settled);
  await cluster.applied(leader.raft.commitIndex);
  assertEquals(fsm.commands, ["x"]);
  // It hears from the leader before it knows anybody's address.
  const leaders = news.map(({ value }) => value?.value?.leader);
  assertEquals(leaders, [{ id: leader.id, address: "" }, { id: leader.id, address: leader.id }]);
  await changes.return!();
});

Deno.test("B02: a vote outlives the node: after a restart it is given to nobody else in that term", async () => {
  await using node = await startLoneNode();
  const { log, peers } = node;
  const vote = {
    type: "vote",
    term: toTerm(2),
    lastLogIndex: toIndex(1),
    lastLogTerm: toTerm(1),
    leadershipTransfer: false,
  } as const;
  peers.say("n2", vote);
  await settle();
  assertEquals(peers.take("voteResult").map(({ granted }) => granted), [true]);

  await using again = await startLoneNode({ log: log.crash() });
  again.peers.say("n3", vote);
  again.peers.say("n2", vote);
  await settle();
  assertEquals(again.peers.take("voteResult").map(({ granted }) => granted), [false, true]);
});

Deno.test("a leader that restarts is none, and nothing counts as committed before it is again", async () => {
  await using node = await startLoneNode();
  await makeLeader(node);
  const disk = node.log.crash();
  await using again = await startLoneNode({ log: disk });
  const { raft } = again;
  assertNotEquals(raft.state, "leader");
  assertEquals([raft.term, raft.lastIndex, raft.commitIndex] as number[], [2, 2, 0]);
});
