/**
 * Raft: every kind of observation, where it happens.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import { toIndex, toTerm } from "../model/numbers.ts";
import { Cluster, type TestNode } from "./_testing/cluster.ts";
import { makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import type { Observation } from "./observers.ts";
import type { Raft } from "./raft.ts";

type Kind = Observation["type"];

/** Collects what `raft` observes of some kinds. */
function collect<Type extends Kind>(
  raft: Raft<string>,
  ...kinds: Type[]
): { list: Extract<Observation, { type: Type }>[]; done: Promise<void> } {
  const list: Extract<Observation, { type: Type }>[] = [];
  const isWanted = (one: Observation): one is Extract<Observation, { type: Type }> =>
    (kinds as Kind[]).includes(one.type);
  const observations = raft.observe({ filter: isWanted });
  const done = (async () => {
    for await (const one of observations) if (isWanted(one)) list.push(one);
  })();
  return { list, done };
}

Deno.test("state: each change of role or term, shutdown at the end, and nothing that is no change", async () => {
  await using node = await startLoneNode();
  const { raft } = node;
  const { list, done } = collect(raft, "state");
  await makeLeader(node);
  await node.clock.advance(400);
  await raft.stepDown();
  await settle();
  node.peers.say("n3", {
    type: "append",
    term: raft.term,
    prevLogIndex: toIndex(0),
    prevLogTerm: toTerm(0),
    entries: undefined,
    leaderCommit: toIndex(0),
    round: 1,
    leased: false,
    yields: false,
  });
  await settle();
  await raft.shutdown();
  await done;
  assertEquals(list.map(({ state, term }) => `${state} ${term}`), [
    "candidate 1",
    "candidate 2",
    "leader 2",
    "follower 2",
    "shutdown 2",
  ]);
});

Deno.test("leader: who leads, on the node itself and on its followers", async () => {
  await using cluster = await Cluster.start(3);
  const seen = [...cluster.nodes.values()].map(({ id, raft }) => ({
    id,
    ...collect(raft, "leader"),
  }));
  const old = await cluster.leader();
  const others = cluster.others(old.id).map(({ id }) => id);
  cluster.network.partition([old.id], others);
  const next = await cluster.leader(others);
  cluster.network.heal();
  await cluster.leader();
  for (const { id, list } of seen) {
    const leaders = list.map(({ leader }) => leader?.id ?? "nobody");
    assertEquals(leaders, [old.id, "nobody", next.id], id);
    assertEquals(list[2]!.leader, { id: next.id, address: next.id });
    assertEquals(list[2]!.term, next.raft.term);
  }
});

Deno.test("requestVote and requestPreVote: what candidates ask, and who", async () => {
  await using node = await startLoneNode();
  const { raft, peers } = node;
  const { list, done } = collect(raft, "requestVote", "requestPreVote");
  const asked = {
    lastLogIndex: toIndex(3),
    lastLogTerm: toTerm(1),
    storeId: node.log.storeId,
  };
  const preVote = { type: "preVote", term: toTerm(2), ...asked } as const;
  const vote = { type: "vote", term: toTerm(2), ...asked, leadershipTransfer: false } as const;
  peers.say("n2", preVote, vote);
  await raft.shutdown();
  await done;
  assertEquals(list, [
    { type: "requestPreVote", from: "n2", request: preVote },
    { type: "requestVote", from: "n2", request: vote },
  ]);
});

Deno.test("peer: members that come, change and go", async () => {
  await using cluster = await Cluster.start(3);
  const { raft, id } = await cluster.leader();
  const { list } = collect(raft, "peer");
  await cluster.clock.advance(100);
  await cluster.startNode("n4");
  await cluster.until(raft.addVoter("n4", "n4"));
  await cluster.until(raft.demoteVoter("n4"));
  await cluster.until(raft.addNonvoter("n4", "elsewhere"));
  await cluster.until(raft.removeServer("n4"));
  await settle();
  assertEquals(
    list.map(({ server: { id, address, suffrage }, removed }) =>
      `${id} ${address} ${suffrage} ${removed}`
    ),
    [
      "n4 n4 staging false",
      "n4 n4 voter false",
      "n4 n4 nonvoter false",
      "n4 elsewhere nonvoter false",
      "n4 elsewhere nonvoter true",
    ],
  );
  // A configuration that is rolled back is a change like any other.
  const others = cluster.others(id).map((node) => node.id).filter((other) => other !== "n4");
  list.length = 0;
  cluster.network.partition([id], others);
  raft.addNonvoter("n5", "n5").catch(() => {});
  await cluster.leader(others);
  cluster.network.heal();
  await cluster.clock.waitFor("it is rolled back", 5000, () => list.length === 2);
  assertEquals(list.map(({ server, removed }) => `${server.id} ${removed}`), [
    "n5 false",
    "n5 true",
  ]);
});

Deno.test("failedHeartbeat and resumedHeartbeat: once for each silence", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const [silent] = cluster.others(leader.id) as [TestNode];
  const { list } = collect(leader.raft, "failedHeartbeat", "resumedHeartbeat");
  await cluster.clock.advance(3000);
  assertEquals(list, []);
  for (const round of [1, 2]) {
    cluster.network.cut(silent.id, leader.id);
    await cluster.clock.advance(2500);
    assertEquals(list.length, 2 * round - 1);
    const failed = list.at(-1)!;
    assert(failed.type === "failedHeartbeat" && failed.peer === silent.id);
    assert(failed.lastContactMs >= 1000 && failed.lastContactMs <= 1200, `${failed.lastContactMs}`);
    cluster.network.mend(silent.id, leader.id);
    await cluster.clock.advance(500);
    assertEquals(list.at(-1), { type: "resumedHeartbeat", peer: silent.id });
    assertEquals(list.length, 2 * round);
  }
});

Deno.test("snapshot: those that are made, and those that are received", async () => {
  await using cluster = await Cluster.start(3, { retain: 1, config: { trailingLogs: 0 } });
  const leader = await cluster.leader();
  const [away] = cluster.others(leader.id) as [TestNode];
  const disk = await cluster.stop(away.id);
  const made = collect(leader.raft, "snapshot");
  await cluster.write("x", 10);
  const { lastIncludedIndex, sizeBytes } = await leader.raft.snapshot();
  const { raft } = await cluster.startNode(away.id, disk);
  const received = collect(raft, "snapshot");
  await cluster.applied(leader.raft.commitIndex);
  await settle();
  for (const { list } of [made, received]) {
    assertEquals(list, [{ type: "snapshot", lastIncludedIndex, sizeBytes }]);
  }
});

Deno.test("observers end when the node stops, after what they have not read", async () => {
  await using node = await startLoneNode();
  await makeLeader(node);
  const all = node.raft.observe();
  await node.raft.stepDown();
  await node.raft.shutdown();
  const kinds: Kind[] = [];
  for await (const { type } of all) kinds.push(type);
  assertEquals(kinds, ["state", "leader", "state"]);
  assertEquals([all.observed, all.dropped], [3, 0]);
  assertEquals((await node.raft.observe().next()).done, true);
});

Deno.test("an observer that stumbles or is slow hurts nobody", async () => {
  await using node = await startLoneNode();
  const broken = node.raft.observe({
    filter: () => {
      throw new Error("no such field");
    },
  });
  const slow = node.raft.observe({ capacity: 1 });
  await makeLeader(node);
  assertEquals(node.raft.state, "leader");
  assert(slow.dropped > 0);
  await broken.next().then(() => assert(false, "it must fail"), (error) => {
    assertEquals(error.message, "no such field");
  });
});
