/**
 * Raft: leadership won, lost and asked about, and what becomes of calls then.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertNotEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import { type Entry, NO_BYTES, type Proposal } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import { LeadershipLostError, NotLeaderError } from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import { Cluster, commandOf, Recorder, responseTo } from "./_testing/cluster.ts";
import { accept, makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import { watch, type Watched } from "./_testing/outcome.ts";
import type { Leadership } from "./watchers.ts";

/** Entries of another leader. */
function entriesOf(term: number, firstIndex: number, ...commands: string[]): EntryRun {
  const proposals = commands.map((text): Proposal => ({
    type: "command",
    data: commandOf(text),
    extensions: NO_BYTES,
  }));
  return EntryRun.encode(toIndex(firstIndex), toTerm(term), 0, proposals);
}

for (const size of [1, 3, 5]) {
  Deno.test(`a cluster of ${size} elects one leader, and all nodes know it`, async () => {
    await using cluster = await Cluster.start(size);
    const { id, raft } = await cluster.leader();
    for (const node of cluster.nodes.values()) {
      assertEquals(node.raft.leader, { id, address: id });
      assertEquals(node.raft.state, node.id === id ? "leader" : "follower");
      assertEquals(node.raft.term, raft.term);
    }
  });
}

Deno.test("a leader whose lease is much shorter than a tenth of the heartbeat timeout goes on leading", async () => {
  await using cluster = await Cluster.start(3, { config: { leaderLeaseTimeoutMs: 20 } });
  const { raft } = await cluster.leader();
  const { term } = raft;
  await cluster.clock.advance(5000);
  assertEquals([raft.state, raft.term], ["leader", term]);
});

Deno.test("a follower refuses a command and names the leader", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  for (const { raft } of cluster.others(leader.id)) {
    const calls: Watched<unknown>[] = [
      watch(raft.apply(commandOf("x"))),
      watch(raft.barrier()),
      watch(raft.verifyLeader()),
    ];
    await settle();
    for (const { error } of calls) {
      assertInstanceOf(error, NotLeaderError);
      assertEquals(error.outcome, "not-written");
      assertEquals(error.leader, { id: leader.id, address: leader.id });
    }
  }
  assertEquals(leader.raft.lastIndex, 2, "nothing was appended");
});

Deno.test("a leader that is cut off gives up its calls with an unknown outcome, and another leads", async () => {
  await using cluster = await Cluster.start(3);
  const old = await cluster.leader();
  const others = cluster.others(old.id).map(({ id }) => id);
  cluster.network.partition([old.id], others);
  const lost = watch(old.raft.apply(commandOf("lost")));
  await settle();
  const leader = await cluster.leader(others);
  assertNotEquals(leader.id, old.id);
  assertInstanceOf(lost.error, LeadershipLostError);
  assertEquals(lost.error.outcome, "unknown");
  assertNotEquals(old.raft.state, "leader");

  const { index, response } = await cluster.until(leader.raft.apply(commandOf("kept")));
  assertEquals(response, responseTo("kept", index));
  cluster.network.heal();
  await cluster.applied(index);
  for (const { fsm } of cluster.nodes.values()) assertEquals(fsm.commands, ["kept"]);
});

Deno.test("a leader whose entries are overwritten gives no caller another's answer", async () => {
  await using node = await startLoneNode();
  const { raft, peers, fsm } = node;
  await makeLeader(node);
  const calls = ["a", "b", "c"].map((text) => watch(raft.apply(commandOf(text))));
  await settle();
  assertEquals(raft.lastIndex, 5);
  // n3 leads since, without having had these entries, and has committed others in their place. All of this arrives
  // in the one message that ends the leadership.
  peers.say("n3", {
    type: "append",
    term: toTerm(3),
    prevLogIndex: toIndex(2),
    prevLogTerm: toTerm(2),
    entries: entriesOf(3, 3, "A", "B", "C", "D"),
    leaderCommit: toIndex(6),
    round: 1,
    leased: false,
    yields: false,
  });
  await settle();
  assertEquals(fsm.commands, ["A", "B", "C", "D"]);
  assertEquals(calls.map(({ summary }) => summary), Array(3).fill("leadership-lost/unknown"));
});

Deno.test("what this node has handed to its state machine is answered, although leadership is lost meanwhile", async () => {
  const gate = Promise.withResolvers<void>();
  class Slow extends Recorder {
    override async apply(entry: Entry): Promise<string> {
      await gate.promise;
      return await super.apply(entry);
    }
  }
  await using node = await startLoneNode({ fsm: new Slow() });
  const { raft, peers } = node;
  await makeLeader(node);
  const [first, second, lost] = ["1", "2", "lost"].map((text) =>
    watch(raft.apply(commandOf(text)))
  );
  await settle();
  accept(peers, 4);
  await settle();
  peers.say("n3", {
    type: "append",
    term: toTerm(3),
    prevLogIndex: toIndex(4),
    prevLogTerm: toTerm(2),
    entries: entriesOf(3, 5, "another"),
    leaderCommit: toIndex(5),
    round: 1,
    leased: false,
    yields: false,
  });
  await settle();
  assertEquals([first, second, lost].map((call) => call!.summary), [
    "open",
    "open",
    "leadership-lost/unknown",
  ]);
  gate.resolve();
  await settle();
  assertEquals(first!.value, { index: toIndex(3), response: responseTo("1", 3) });
  assertEquals(second!.value, { index: toIndex(4), response: responseTo("2", 4) });
  assertEquals(node.fsm.commands, ["1", "2", "another"]);
});

Deno.test("B68: a leader that sends and cannot hear steps down within its lease", async () => {
  await using cluster = await Cluster.start(3);
  const old = await cluster.leader();
  for (const { id } of cluster.others(old.id)) cluster.network.cut(id, old.id);
  const call = watch(old.raft.apply(commandOf("x")));
  await cluster.clock.waitFor("the call is settled", 1100, () => call.settled);
  assertEquals(call.summary, "leadership-lost/unknown");
  assertEquals(old.raft.state, "follower");
});

Deno.test("B63: a leader whose disk stalls gives way to another", async () => {
  await using cluster = await Cluster.start(3);
  const old = await cluster.leader();
  const others = cluster.others(old.id).map(({ id }) => id);
  old.log.completion = "manual";
  const stalledAtMs = cluster.clock.now();
  const applied = watch(old.raft.apply(commandOf("not on the stalled disk")));
  await cluster.clock.advance(100);
  assertEquals(applied.summary, "open", "it is committed, but this node may not apply it yet");
  const leader = await cluster.leader(others);
  const tookMs = cluster.clock.now() - stalledAtMs;
  // The stall is noticed, followers miss the leader for at most two timeouts, and one is elected.
  assert(tookMs < 2000 + 2 * 1000 + 500, `it took ${tookMs} ms`);
  assertNotEquals(leader.id, old.id);
  assertNotEquals(old.raft.state, "leader");
  assertEquals(applied.summary, "leadership-lost/unknown", "nobody waits for a stalled disk");
  await cluster.until(leader.raft.apply(commandOf("goes on")));
  // It does not come back to power while its disk is as it is, whoever else fails.
  await cluster.clock.advance(10_000);
  assertNotEquals(old.raft.state, "leader");
  old.log.completion = "immediate";
  old.log.complete();
  await cluster.applied(leader.raft.commitIndex);
  for (const { fsm } of cluster.nodes.values()) {
    assertEquals(fsm.commands, ["not on the stalled disk", "goes on"]);
  }
});

Deno.test("verifyLeader: a majority confirms, without an entry in the log", async () => {
  for (const size of [1, 3, 5]) {
    await using cluster = await Cluster.start(size);
    const { raft } = await cluster.leader();
    await cluster.clock.advance(100);
    const { lastIndex } = raft;
    await cluster.until(raft.verifyLeader());
    assertEquals(raft.lastIndex, lastIndex);
  }
});

Deno.test("verifyLeader: answers to earlier messages confirm nothing", async () => {
  await using node = await startLoneNode();
  const { raft, peers } = node;
  await makeLeader(node);
  const verified = watch(raft.verifyLeader());
  await settle();
  const [asked] = peers.take("append");
  assert(asked!.round > 1);
  accept(peers, 2); // of round 1
  await settle();
  assertEquals(verified.summary, "open");
  const { round } = asked!;
  peers.say("n2", {
    type: "appendAccepted",
    term: toTerm(2),
    matchIndex: toIndex(2),
    round,
    priority: 1,
  });
  await settle();
  assertEquals(verified.summary, "resolved");
});

Deno.test("verifyLeader: a leader without a majority hears no, or waits no longer than it wants to", async () => {
  await using cluster = await Cluster.start(3);
  const { id, raft } = await cluster.leader();
  for (const other of cluster.others(id)) cluster.network.partition([id], [other.id]);
  const short = watch(raft.verifyLeader({ timeoutMs: 50 }));
  const long = watch(raft.verifyLeader());
  await cluster.clock.waitFor("both are settled", 2000, () => short.settled && long.settled);
  assertEquals(short.summary, "commit-timeout/not-written");
  assertEquals(long.summary, "leadership-lost/not-written");
});

Deno.test("leadershipChanges: each subscriber sees every change, from the present state on", async () => {
  await using cluster = await Cluster.start(3);
  const old = await cluster.leader();
  const seen: Leadership[][] = [[], []];
  const readers = seen.map(async (list) => {
    for await (const leadership of old.raft.leadershipChanges()) list.push(leadership);
  });
  await settle();
  const { term } = old.raft;
  const self = { id: old.id, address: old.id };
  for (const list of seen) assertEquals(list, [{ term, leader: self, isLeader: true }]);

  const others = cluster.others(old.id).map(({ id }) => id);
  cluster.network.partition([old.id], others);
  const next = await cluster.leader(others);
  cluster.network.heal();
  await cluster.leader();
  await old.raft.shutdown();
  await Promise.all(readers);
  assertEquals(seen[0], seen[1]);
  const all = seen[0]!;
  const steps = all.map(({ leader, isLeader }) => `${leader?.id ?? "nobody"} ${isLeader}`);
  assertEquals(steps, [`${old.id} true`, "nobody false", `${next.id} false`, "nobody false"]);
  const terms = all.map((one) => one.term as number);
  assertEquals(terms, [...terms].sort((a, b) => a - b));
});

Deno.test("leadershipChanges: a candidate that fails again and again is no news", async () => {
  await using node = await startLoneNode();
  const changes = node.raft.leadershipChanges();
  const first = await changes.next();
  assertEquals(first.value, { term: toTerm(1), leader: undefined, isLeader: false });
  const second = watch(changes.next());
  await node.clock.advance(10_000);
  assertEquals([node.raft.state, second.summary], ["candidate", "open"]);
  await changes.return!();
});
