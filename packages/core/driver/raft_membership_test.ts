/**
 * Raft: single changes of the membership.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertNotEquals } from "@std/assert";
import { settle, testStoreId } from "@coracle/testing";
import { findServer, type Suffrage } from "../model/configuration.ts";
import {
  AbortedError,
  ConfigurationChangedError,
  ConfigurationInProgressError,
  InvalidConfigurationError,
  NotLeaderError,
  OverloadedError,
} from "../model/errors.ts";
import { type Index, toIndex } from "../model/numbers.ts";
import { Cluster, commandOf } from "./_testing/cluster.ts";
import { makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import { watch } from "./_testing/outcome.ts";
import { cluster3, suffrageOf } from "./_testing/members.ts";

Deno.test("addVoter: a new server catches up without a vote, then gets it by itself", async () => {
  const { cluster, leader } = await cluster3(["n4"]);
  await using _ = cluster;
  const seen: (Suffrage | undefined)[] = [];
  const added = watch(leader.raft.addVoter("n4", "n4"));
  await cluster.clock.waitFor("it votes", 5000, () => {
    const now = suffrageOf(leader, "n4");
    if (seen.at(-1) !== now) seen.push(now);
    return added.settled;
  });
  assertEquals(seen, ["staging", "voter"]);
  const { index } = leader.raft.configuration();
  assertEquals(added.value, index);
  await cluster.applied(index);
  const n4 = cluster.node("n4");
  assertEquals(n4.fsm.commands, leader.fsm.commands);
  // Two of four are no majority any more.
  for (const { id } of cluster.others(leader.id).slice(0, 2)) await cluster.crash(id);
  const call = watch(leader.raft.apply(commandOf("x")));
  await cluster.clock.advance(2000);
  assertEquals(call.summary, "leadership-lost/unknown");
});

Deno.test("addVoter immediately: it votes at once, caught up or not", async () => {
  const { cluster, leader } = await cluster3();
  await using _ = cluster;
  const index = await cluster.until(leader.raft.addVoter("n4", "n4", { immediately: true }));
  assertEquals([suffrageOf(leader, "n4"), leader.raft.configuration().index], ["voter", index]);
});

Deno.test("addVoter of a non-voter that has caught up promotes it; of a voter it changes the address", async () => {
  const { cluster, leader } = await cluster3(["n4"]);
  await using _ = cluster;
  const first = await cluster.until(leader.raft.addNonvoter("n4", "n4"));
  await cluster.applied(first);
  assertEquals([suffrageOf(leader, "n4"), leader.raft.configuration().index], ["nonvoter", first]);
  const second = await cluster.until(leader.raft.addVoter("n4", "n4"));
  assertEquals([suffrageOf(leader, "n4"), leader.raft.configuration().index], ["voter", second]);
  const again = await cluster.until(leader.raft.addVoter("n4", "n4"));
  assertEquals(again, second, "nothing changes, nothing is written");
  const third = await cluster.until(leader.raft.addVoter("n4", "elsewhere"));
  assert(third > second);
  assertEquals(findServer(leader.raft.configuration().configuration, "n4"), {
    id: "n4",
    address: "elsewhere",
    suffrage: "voter",
    storeId: testStoreId("n4"),
  });
});

Deno.test("addNonvoter: it gets the log and never leads, demoteVoter: neither does it any more", async () => {
  const { cluster, leader, others } = await cluster3(["n4"]);
  await using _ = cluster;
  await cluster.until(leader.raft.addNonvoter("n4", "n4"));
  const demoted = others[0]!;
  const index = await cluster.until(leader.raft.demoteVoter(demoted.id));
  assertEquals(suffrageOf(leader, demoted.id), "nonvoter");
  await cluster.applied(index);
  await cluster.applied(await cluster.write("after", 3));
  assertEquals(demoted.fsm.commands, leader.fsm.commands);
  await cluster.crash(leader.id);
  await cluster.clock.advance(10_000);
  const states = [...cluster.nodes.values()].map(({ id, raft }) => `${id} ${raft.state}`);
  assertEquals(states.filter((state) => state.endsWith("leader")), []);
  assertEquals(states.filter((state) => state.endsWith("candidate")), [
    `${others[1]!.id} candidate`,
  ]);
});

Deno.test("removeServer: its place is gone, and with it its vote", async () => {
  const { cluster, leader, others } = await cluster3();
  await using _ = cluster;
  const [gone, other] = others;
  const index = await cluster.until(leader.raft.removeServer(gone!.id));
  assertEquals(suffrageOf(leader, gone!.id), undefined);
  assertEquals(leader.raft.commitIndex >= index, true);
  await cluster.crash(other!.id);
  await cluster.clock.advance(2000);
  assertNotEquals(
    leader.raft.state,
    "leader",
    "one of two is no majority, and the removed one does not count",
  );
});

Deno.test("prevIndex: a change is made only of the configuration that the caller knows", async () => {
  const { cluster, leader } = await cluster3();
  await using _ = cluster;
  const { raft } = leader;
  const prevIndex = raft.configuration().index;
  const index = await cluster.until(raft.addNonvoter("n4", "n4", { prevIndex }));
  for (
    const change of [
      () => raft.addNonvoter("n5", "n5", { prevIndex }),
      () => raft.addVoter("n5", "n5", { prevIndex }),
      () => raft.demoteVoter("n4", { prevIndex }),
      () => raft.removeServer("n4", { prevIndex }),
    ]
  ) {
    const call = watch(change());
    await settle();
    assertInstanceOf(call.error, ConfigurationChangedError);
    assertEquals([call.error.prevIndex, call.error.latestIndex, call.summary], [
      prevIndex,
      index,
      "configuration-changed/not-written",
    ]);
    assertEquals(
      call.error.message,
      `configuration changed since ${prevIndex} (latest is ${index})`,
    );
  }
  assertEquals(raft.configuration().index, index);
  await cluster.until(raft.removeServer("n4", { prevIndex: index }));
});

Deno.test("one change at a time, and none before a leader has committed something of its own", async () => {
  await using node = await startLoneNode();
  const { raft, peers } = node;
  await makeLeader(node);
  const first = watch(raft.addNonvoter("n4", "n4"));
  await settle();
  const second = watch(raft.removeServer("n3"));
  await settle();
  assertEquals(first.summary, "open");
  assertInstanceOf(second.error, ConfigurationInProgressError);
  assertEquals(second.summary, "configuration-in-progress/not-written");
  peers.say("n2", {
    type: "appendAccepted",
    term: raft.term,
    matchIndex: toIndex(3),
    round: 1,
    priority: 1,
  });
  await settle();
  assertEquals([first.value, raft.configuration().index] as (number | undefined)[], [3, 3]);
});

Deno.test("what cannot be is refused in words, and nothing is written", async () => {
  const { cluster, leader } = await cluster3();
  await using _ = cluster;
  const { raft } = leader;
  const { lastIndex } = raft;
  for (
    const [change, message] of [
      [() => raft.removeServer("n9"), '"n9" is not a member'],
      [() => raft.demoteVoter("n9"), '"n9" is not a member'],
      [() => raft.addVoter("n4", "n1"), 'two servers have the address "n1"'],
      [() => raft.addVoter("", "n4"), "a server has an empty id"],
      [() => raft.addNonvoter("n4", ""), 'server "n4" has an empty address'],
    ] as const
  ) {
    const call = watch(change());
    await settle();
    assertInstanceOf(call.error, InvalidConfigurationError, call.summary);
    assertEquals([call.error.message, call.error.outcome], [message, "not-written"]);
  }
  await using single = await Cluster.start(1);
  const { raft: only } = await single.leader();
  await single.clock.advance(10);
  for (const change of [() => only.removeServer("n1"), () => only.demoteVoter("n1")]) {
    const call = watch(change());
    await settle();
    assertEquals((call.error as Error).message, "a configuration needs at least one voter");
  }
  assertEquals(raft.lastIndex, lastIndex);
});

Deno.test("only the leader changes members", async () => {
  const { cluster, leader, others } = await cluster3();
  await using _ = cluster;
  const call = watch(others[0]!.raft.addNonvoter("n4", "n4"));
  await settle();
  assertInstanceOf(call.error, NotLeaderError);
  assertEquals(call.error.leader?.id, leader.id);
  void leader.raft.transferLeadership().catch(() => {});
  const transferring = watch(leader.raft.removeServer(others[0]!.id));
  await settle();
  assertEquals(transferring.summary, "transfer-in-progress/not-written");
  await leader.raft.shutdown();
  const late = watch(leader.raft.removeServer(others[0]!.id));
  await settle();
  assertEquals(late.summary, "shutdown/not-written");
});

Deno.test("a server that does not run is not promoted, costs nobody anything, and may be taken out again", async () => {
  const { cluster, leader } = await cluster3();
  await using _ = cluster;
  const timed = watch(leader.raft.addVoter("n4", "n4", { timeoutMs: 3000 }));
  const open = watch(leader.raft.addVoter("n4", "n4"));
  await cluster.clock.advance(2999);
  assertEquals([timed.summary, suffrageOf(leader, "n4")], ["open", "staging"]);
  await cluster.write("goes on", 3);
  await cluster.clock.advance(1);
  assertEquals([timed.summary, open.summary], ["commit-timeout/unknown", "open"]);
  const index = await cluster.until(leader.raft.removeServer("n4"));
  await settle();
  assertInstanceOf(open.error, ConfigurationChangedError);
  assertEquals([open.error.outcome, open.error.latestIndex], ["failed", index]);
});

Deno.test("a server that catches up while leadership changes is promoted by the next leader", async () => {
  const { cluster, leader } = await cluster3();
  await using _ = cluster;
  const added = watch(leader.raft.addVoter("n4", "n4"));
  await cluster.clock.advance(1000);
  assertEquals(suffrageOf(leader, "n4"), "staging");
  await leader.raft.stepDown();
  await settle();
  assertEquals(added.summary, "leadership-lost/unknown");
  await cluster.startNode("n4");
  const next = await cluster.leader();
  await cluster.clock.waitFor("it votes", 5000, () => suffrageOf(next, "n4") === "voter");
  const index = await cluster.until(next.raft.addVoter("n4", "n4"));
  assertEquals(index, next.raft.configuration().index, "asked again, it is there");
});

Deno.test("a change that leadership is lost with may or may not be made", async () => {
  const { cluster, leader, others } = await cluster3();
  await using _ = cluster;
  cluster.network.partition([leader.id], others.map(({ id }) => id));
  const change = watch(leader.raft.addNonvoter("n4", "n4"));
  await cluster.clock.waitFor("it gives up", 2000, () => change.settled);
  assertEquals(change.summary, "leadership-lost/unknown");
  await cluster.leader(others.map(({ id }) => id));
  cluster.network.heal();
  await cluster.leader();
  await cluster.clock.waitFor(
    "B25: it is rolled back where it was",
    1000,
    () => suffrageOf(leader, "n4") === undefined,
  );
});

Deno.test("a deadline and a signal end a call, and say what may have become of the change", async () => {
  await using node = await startLoneNode({ config: { leaderLeaseTimeoutMs: 1000 } });
  const { raft, clock } = node;
  await makeLeader(node);
  const controller = new AbortController();
  const { signal } = controller;
  const refused = [
    watch(raft.addNonvoter("n4", "n4", { timeoutMs: 0 })),
    watch(raft.addNonvoter("n4", "n4", { timeoutMs: -1 })),
    watch(raft.addNonvoter("n4", "n4", { signal: AbortSignal.abort("no") })),
  ];
  await settle();
  assertEquals(refused.map(({ summary }) => summary), [
    "enqueue-timeout/not-written",
    "invalid-config/not-written",
    "aborted/not-written",
  ]);
  assertEquals(raft.lastIndex, toIndex(2));
  const calls = [
    watch(raft.addNonvoter("n4", "n4", { timeoutMs: 50 })),
    watch(raft.addNonvoter("n4", "n4", { signal, timeoutMs: Infinity })),
  ];
  await settle();
  // The second finds the configuration in force already: nothing to write, but it waits for the same commit.
  assertEquals([calls.map(({ summary }) => summary), raft.lastIndex], [
    ["open", "open"],
    toIndex(3),
  ]);
  await clock.advance(50);
  assertEquals(calls.map(({ summary }) => summary), ["commit-timeout/unknown", "open"]);
  node.peers.say("n2", {
    type: "appendAccepted",
    term: raft.term,
    matchIndex: toIndex(3),
    round: 1,
    priority: 1,
  });
  await settle();
  assertEquals(calls[1]!.value, toIndex(3));
  const last = watch(raft.removeServer("n4", { signal }));
  await settle();
  controller.abort("enough");
  await settle();
  assertInstanceOf(last.error, AbortedError);
  assertEquals([last.error.outcome, last.error.cause], ["unknown", "enough"]);
});

Deno.test("B78: a node that stops ends its open changes", async () => {
  const { cluster, leader, others } = await cluster3();
  await using _ = cluster;
  const staged = watch(leader.raft.addVoter("n4", "n4"));
  await cluster.clock.advance(100);
  cluster.network.partition([leader.id], others.map(({ id }) => id));
  const change = watch(leader.raft.removeServer("n4"));
  await settle();
  await cluster.stop(leader.id);
  await settle();
  assertEquals([staged.summary, change.summary], ["shutdown/unknown", "shutdown/unknown"]);
});

Deno.test("B77: more open changes than pendingCallsMax are refused at once", async () => {
  const { cluster, leader } = await cluster3([], { config: { pendingCallsMax: 6 } });
  await using _ = cluster;
  const open = [];
  for (let n = 0; n < 6; n += 1) {
    open.push(watch(leader.raft.addVoter("n4", "n4", { timeoutMs: 1000 })));
    await cluster.clock.advance(10);
  }
  assertEquals(open.map(({ summary }) => summary), Array(6).fill("open"));
  const call = watch(leader.raft.removeServer("n4"));
  await settle();
  assertInstanceOf(call.error, OverloadedError);
  assertEquals(call.error.field, "pendingCallsMax");
  await cluster.clock.advance(1000);
  const index: Index = await cluster.until(leader.raft.removeServer("n4"));
  assertEquals(leader.raft.configuration().index, index);
});
