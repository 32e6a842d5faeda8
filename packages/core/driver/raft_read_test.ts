/**
 * Raft: linearizable and local reads, on leaders and followers, whoever can be reached.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { RELIABLE, settle } from "@coracle/testing";
import type { Entry } from "../model/entry.ts";
import { NotLeaderError } from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import { Cluster, commandOf, Recorder, type TestNode } from "./_testing/cluster.ts";
import { accept, makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import { watch, type Watched } from "./_testing/outcome.ts";
import type { PlayedMessage } from "./_testing/played_message.ts";
import type { Applied } from "./calls.ts";
import type { ReadLevel } from "./reads.ts";

/** How many commands a node has applied, read at a level. */
function count({ raft, fsm }: TestNode, options: Parameters<TestNode["raft"]["read"]>[1] = {}) {
  return watch(raft.read(() => fsm.commands.length, options));
}

for (const size of [1, 3, 5]) {
  Deno.test(`in a cluster of ${size} every node reads what was acknowledged before, without an entry in the log`, async () => {
    await using cluster = await Cluster.start(size);
    const leader = await cluster.leader();
    let written = 0;
    for (let n = 0; n < 10; n += 1) {
      await cluster.write(`${n}`, 3);
      written += 3;
      const { lastIndex } = leader.raft;
      const calls = [...cluster.nodes.values()].map((node) => count(node));
      await cluster.clock.waitFor(
        "all have read",
        500,
        () => calls.every(({ settled }) => settled),
      );
      for (const { value } of calls) {
        assertEquals(value, { index: toIndex(written + 2), response: written });
      }
      assertEquals(leader.raft.lastIndex, lastIndex);
    }
  });
}

Deno.test("a non-voter reads like any other member", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  await cluster.applied(await cluster.write("x", 3));
  const node = await cluster.startNode("n4");
  await cluster.until(leader.raft.addNonvoter("n4", "n4"));
  await cluster.applied(await cluster.write("y", 2));
  const call = count(node);
  await cluster.clock.waitFor("it has read", 500, () => call.settled);
  assertEquals(call.value?.response, 5);
});

Deno.test("a hundred reads of one turn cost one question, on the leader and on a follower", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  await cluster.applied(await cluster.write("x", 3));
  const [follower] = cluster.others(leader.id);
  for (const node of [leader, follower!]) {
    await cluster.clock.advance(200);
    const { sent } = cluster.network.stats;
    const calls = Array.from({ length: 100 }, () => count(node));
    await cluster.clock.waitFor("all have read", 500, () => calls.every(({ settled }) => settled));
    assert(cluster.network.stats.sent - sent <= 8, `${cluster.network.stats.sent - sent} messages`);
  }
});

Deno.test("a follower reads when it has applied what the leader named, not before", async () => {
  const gate = Promise.withResolvers<void>();
  let isSlow = false;
  class Slow extends Recorder {
    override async apply(entry: Entry): Promise<string> {
      if (isSlow) await gate.promise;
      return await super.apply(entry);
    }
  }
  await using cluster = await Cluster.start(3, { fsm: () => new Slow() });
  const leader = await cluster.leader();
  const [follower, other] = cluster.others(leader.id) as [TestNode, TestNode];
  for (const { fsm } of [leader, other]) fsm.apply = Recorder.prototype.apply.bind(fsm);
  isSlow = true;
  await cluster.write("x", 2);
  await cluster.clock.advance(100);
  const call = count(follower);
  const local = count(follower, { level: "local" });
  await cluster.clock.advance(1000);
  assertEquals([call.summary, local.summary], ["open", "open"], "a command is under way");
  gate.resolve();
  await settle();
  assertEquals([call.value?.response, local.value?.response], [2, 1]);
});

Deno.test("B55: a new leader answers no read before something of its own term is committed", async () => {
  await using node = await startLoneNode();
  const { raft, clock, peers } = node;
  await clock.waitFor("it asks for votes", 5000, () => peers.take("preVote").length > 0);
  const granted = true;
  peers.say("n2", { type: "preVoteResult", term: toTerm(1), proposedTerm: toTerm(2), granted });
  await settle();
  peers.say("n2", { type: "voteResult", term: toTerm(2), granted });
  await settle();
  assertEquals(raft.state, "leader");
  const read = watch(raft.read(() => "read"));
  const verified = watch(raft.verifyLeader());
  await settle();
  const confirm = (matchIndex: number, round: number): PlayedMessage => ({
    type: "appendAccepted",
    term: toTerm(2),
    matchIndex: toIndex(matchIndex),
    round,
    priority: 1,
  });
  const { round } = peers.take("append").at(-1)!;
  // n2 hears the leader, but does not have its first entry yet.
  peers.say("n2", confirm(1, round));
  await settle();
  assertEquals([verified.summary, read.summary], ["resolved", "open"]);
  peers.say("n2", confirm(2, round));
  await settle();
  assertEquals(read.summary, "open", "now it is asked whether this node still leads");
  peers.say("n2", confirm(2, peers.take("append").at(-1)!.round));
  await settle();
  assertEquals(read.value, { index: toIndex(2), response: "read" });
});

Deno.test("B56: answers to what was sent before the read confirm nothing", async () => {
  await using node = await startLoneNode();
  const { raft, peers, clock } = node;
  await makeLeader(node);
  await clock.advance(250); // heartbeats with rounds of their own
  const before = peers.take("append").at(-1)!.round;
  const read = watch(raft.read(() => "read"));
  await settle();
  const asked = peers.take("append").at(-1)!.round;
  assert(asked > before);
  const { term } = raft;
  for (const round of [1, before]) {
    peers.say("n2", { type: "appendAccepted", term, matchIndex: toIndex(2), round, priority: 1 });
    peers.say("n3", { type: "appendAccepted", term, matchIndex: toIndex(2), round, priority: 1 });
  }
  await settle();
  assertEquals(read.summary, "open");
  peers.say("n3", {
    type: "appendAccepted",
    term,
    matchIndex: toIndex(2),
    round: asked,
    priority: 1,
  });
  await settle();
  assertEquals(read.summary, "resolved");
});

Deno.test("B57: a leader that reaches non-voters only is told nothing, however many there are", async () => {
  await using cluster = await Cluster.start(3, { config: { leaderLeaseTimeoutMs: 1000 } });
  const leader = await cluster.leader();
  const voters = cluster.others(leader.id).map(({ id }) => id);
  await cluster.applied(await cluster.write("x", 1));
  for (const id of ["n4", "n5"]) {
    await cluster.startNode(id);
    await cluster.until(leader.raft.addNonvoter(id, id));
  }
  cluster.network.partition([leader.id, "n4", "n5"], voters);
  const calls: Watched<unknown>[] = [];
  for (let n = 0; n < 20; n += 1) {
    calls.push(watch(leader.raft.verifyLeader()), count(leader), count(cluster.node("n4")));
    await cluster.clock.advance(20);
  }
  assertEquals(leader.raft.state, "leader", "its lease has not ended");
  assertEquals(calls.filter(({ settled }) => settled), []);
  await cluster.clock.waitFor("all are told", 10_000, () => calls.every(({ settled }) => settled));
  assertEquals(calls.filter(({ summary }) => summary === "resolved"), []);
});

for (const voters of [2, 3, 4, 5]) {
  for (const nonvoters of [0, 1, 2]) {
    Deno.test(`B58: of ${voters} voters a majority confirms a read, and ${nonvoters} non-voters count nothing`, async () => {
      await using cluster = await Cluster.start(voters, { config: { leaderLeaseTimeoutMs: 1000 } });
      const leader = await cluster.leader();
      await cluster.clock.advance(100);
      const extra = Array.from({ length: nonvoters }, (_, at) => `x${at + 1}`);
      for (const id of extra) {
        await cluster.startNode(id);
        await cluster.until(leader.raft.addNonvoter(id, id));
      }
      const others = cluster.others(leader.id).map(({ id }) => id).filter((id) =>
        !extra.includes(id)
      );
      const needed = Math.floor(voters / 2) + 1;
      for (const reached of [needed - 1, needed]) {
        const side = [leader.id, ...others.slice(0, reached - 1), ...extra];
        cluster.network.partition(side, others.slice(reached - 1));
        const call = count(leader);
        await cluster.clock.advance(100);
        assertEquals(call.summary, reached === needed ? "resolved" : "open", `${reached} reached`);
        cluster.network.heal();
        await cluster.clock.advance(100);
      }
    });
  }
}

Deno.test("B62: a local read of a leader that is no longer one may be old, a linearizable one is not", async () => {
  await using cluster = await Cluster.start(3, { seed: 5, config: { leaderLeaseTimeoutMs: 1000 } });
  const old = await cluster.leader();
  await cluster.applied(await cluster.write("known", 2));
  const others = cluster.others(old.id).map(({ id }) => id);
  cluster.network.partition([old.id], others);
  for (const id of others) cluster.network.disconnect(old.id, id); // noticed at once
  await cluster.clock.waitFor(
    "there are two",
    900,
    () => others.some((id) => cluster.node(id).raft.state === "leader"),
  );
  assertEquals(old.raft.state, "leader");
  const next = others.map((id) => cluster.node(id)).find(({ raft }) => raft.state === "leader")!;
  const write = watch(next.raft.apply(commandOf("unknown to the old one")));
  await cluster.clock.waitFor("it is written", 100, () => write.settled);
  const [local, linearizable] = [count(old, { level: "local" }), count(old)];
  await settle();
  assertEquals([local.value?.response, linearizable.summary], [2, "open"]);
  await cluster.clock.advance(500);
  cluster.network.heal();
  await cluster.clock.waitFor("it is read at the new leader", 3000, () => linearizable.settled);
  assertEquals(linearizable.value?.response, 3);
});

Deno.test("lost messages cost time, and nothing else", async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    await using cluster = await Cluster.start(3, { seed });
    const leader = await cluster.leader();
    const index = await cluster.write("x", 3);
    await cluster.applied(index);
    const [follower] = cluster.others(leader.id);
    cluster.network.behaviour = { ...RELIABLE, lossRate: 0.3, repeatRate: 0.3, holdUpMaxMs: 50 };
    const calls: Watched<Applied<number>>[] = [];
    for (let n = 0; n < 20; n += 1) {
      calls.push(count(follower!), count(leader));
      await cluster.clock.advance(10);
    }
    await cluster.clock.waitFor(
      "all have read",
      20_000,
      () => calls.every(({ settled }) => settled),
    );
    for (const { value, error } of calls) assertEquals(value?.response, 3, `${error}`);
  }
});

Deno.test("a read under way survives the change of its leader, where it began and elsewhere", async () => {
  await using cluster = await Cluster.start(3);
  const old = await cluster.leader();
  await cluster.applied(await cluster.write("x", 3));
  const others = cluster.others(old.id);
  cluster.network.partition([old.id], others.map(({ id }) => id));
  const calls = [count(others[0]!), count(others[1]!), count(old)];
  await cluster.clock.advance(100);
  assertEquals(calls.filter(({ settled }) => settled), []);
  await cluster.leader(others.map(({ id }) => id));
  await cluster.clock.waitFor("they have read", 200, () => calls[0]!.settled && calls[1]!.settled);
  cluster.network.heal();
  await cluster.clock.waitFor("it has read", 3000, () => calls[2]!.settled);
  for (const { value, error } of calls) assertEquals(value?.response, 3, `${error}`);
});

Deno.test("a node that reaches nobody says so: at once, or when it has waited in vain for a leader", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  await cluster.applied(await cluster.write("x", 3));
  const [alone, other] = cluster.others(leader.id) as [TestNode, TestNode];
  cluster.network.partition([alone.id], [leader.id, other.id]);
  const beganMs = cluster.clock.now();
  const waiting = count(alone);
  const short = count(alone, { timeoutMs: 100 });
  await cluster.clock.waitFor("it gives up", 10_000, () => waiting.settled);
  assertInstanceOf(waiting.error, NotLeaderError);
  const tookMs = cluster.clock.now() - beganMs;
  assert(tookMs >= 2000 && tookMs <= 6000, `${tookMs} ms`);
  assertEquals(short.summary, "commit-timeout/not-written");
  const late = count(alone);
  await settle();
  assertInstanceOf(late.error, NotLeaderError);
  assertEquals(count(alone, { level: "local" }).settled, false);
  await settle();
  cluster.network.heal();
  await cluster.leader();
  const again = count(alone);
  await cluster.clock.waitFor("it reads again", 1000, () => again.settled);
  assertEquals(again.value?.response, 3);
});

Deno.test("a read has a deadline and a signal of its own, and what its query throws is the caller's", async () => {
  await using node = await startLoneNode();
  const { raft, clock, peers } = node;
  await makeLeader(node);
  const controller = new AbortController();
  const calls = [
    watch(raft.read(() => "never", { timeoutMs: 50 })),
    watch(raft.read(() => "never", { signal: controller.signal })),
    watch(raft.read(() => {
      throw new Error("no such key");
    }, { level: "local" })),
  ];
  await settle();
  controller.abort();
  await clock.advance(50);
  assertEquals(calls.map(({ summary }) => summary), [
    "commit-timeout/not-written",
    "aborted/not-written",
    "Error: no such key",
  ]);
  assertEquals(raft.state, "leader");
  accept(peers, 2);
});

Deno.test("a read that cannot be is refused: no query, one that waits, a level that there is not", async () => {
  await using node = await startLoneNode();
  const { raft, clock } = node;
  await makeLeader(node);
  const no = undefined as unknown as () => void;
  const strong = "strong" as unknown as ReadLevel;
  const own = "toString" as unknown as ReadLevel;
  const calls = [
    watch(raft.read(no)),
    watch(raft.read(no, { level: "local" })),
    watch(raft.read(() => 1, { level: strong })),
    watch(raft.read(() => 1, { level: own })),
    watch(raft.read(() => new Promise(() => {}), { level: "local" })),
    watch(raft.read(() => Promise.reject(new Error("unheard")), { level: "local" })),
    watch(raft.read(() => ({ then: () => {} }), { level: "local" })),
  ];
  await settle();
  const query = "query is one that returns a promise; allowed is one that does not wait";
  assertEquals(calls.map(({ error }) => (error as Error | undefined)?.message), [
    "query is of type undefined; allowed is a function",
    "query is of type undefined; allowed is a function",
    "level is strong; allowed is linearizable, lease, local",
    "level is toString; allowed is linearizable, lease, local",
    query,
    query,
    query,
  ]);
  await clock.advance(1);
  assertEquals(raft.state, "leader");
});

Deno.test("B78: a node that stops ends its reads, and takes no more", async () => {
  const gate = Promise.withResolvers<void>();
  class Slow extends Recorder {
    override async apply(entry: Entry): Promise<string> {
      await gate.promise;
      return await super.apply(entry);
    }
  }
  await using cluster = await Cluster.start(1, { fsm: () => new Slow() });
  const node = await cluster.leader();
  watch(node.raft.apply(commandOf("never")));
  await cluster.clock.advance(10);
  const calls = [count(node), count(node, { level: "local" })];
  await settle();
  const shutdown = node.raft.shutdown();
  await settle();
  assertEquals(calls.map(({ summary }) => summary), Array(2).fill("shutdown/not-written"));
  gate.resolve();
  await shutdown;
  const late = [count(node), count(node, { level: "local" })];
  await settle();
  assertEquals(late.map(({ summary }) => summary), Array(2).fill("shutdown/not-written"));
});

Deno.test("a read that waits for entries which never come gives up when no leader has come for two election timeouts", async () => {
  await using node = await startLoneNode();
  const { raft, clock, peers } = node;
  const entries = { prevLogIndex: toIndex(1), prevLogTerm: toTerm(1), leaderCommit: toIndex(1) };
  peers.say("n2", { type: "append", term: toTerm(2), ...entries, round: 1 } as PlayedMessage);
  await settle();
  assertEquals(raft.leader?.id, "n2");
  const call = watch(raft.read(() => "read"));
  await settle();
  const [question] = peers.take("readIndex");
  peers.say("n2", { type: "readIndexResult", id: question!.id, readIndex: toIndex(9) });
  await settle();
  assertEquals(call.summary, "open", "entry 9 is not here yet");
  await clock.advance(60_000);
  assertEquals(call.summary, "not-leader/not-written");
});
