/**
 * Raft: what stops a node (its disk, its state machine, an invariant), and what others notice of it.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import { InvariantViolation } from "../model/assert.ts";
import type { Entry } from "../model/entry.ts";
import { FsmFailedError, ShutdownError, StorageError } from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import { Cluster, commandOf, Recorder } from "./_testing/cluster.ts";
import { accept, makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import { watch } from "./_testing/outcome.ts";

/** A state machine that cannot stand one command. */
class Fragile extends Recorder {
  constructor(readonly how: "throws" | "rejects", readonly error: Error) {
    super();
  }

  override apply(entry: Entry): string | Promise<string> {
    if (new TextDecoder().decode(entry.data) !== "poison") return super.apply(entry);
    if (this.how === "throws") throw this.error;
    return Promise.reject(this.error);
  }
}

Deno.test("B32: a leader whose disk fails stops, its callers hear why, and the others go on", async () => {
  await using cluster = await Cluster.start(3);
  const old = await cluster.leader();
  await cluster.until(old.raft.apply(commandOf("before")));
  old.log.completion = "manual";
  const appended = watch(old.raft.apply(commandOf("on its way")));
  await settle();
  const waiting = watch(old.raft.apply(commandOf("not even appended")));
  const question = watch(old.raft.verifyLeader());
  old.log.fail("input/output error on /dev/sdb");
  const cause = await old.raft.stopped;
  assertInstanceOf(cause, StorageError);
  assertEquals(cause.message, "input/output error on /dev/sdb");
  assertEquals(old.raft.state, "shutdown");
  for (const call of [appended, waiting, question]) {
    assertInstanceOf(call.error, ShutdownError, call.summary);
    assertStrictEquals(call.error.cause, cause);
  }
  assertEquals(appended.summary, "shutdown/unknown");
  const because = "raft is shut down because of StorageError: input/output error on /dev/sdb";
  assertEquals([appended, waiting].map(({ error }) => (error as Error).message), [
    `${because}; the entry may still commit`,
    because,
  ]);
  const later = watch(old.raft.apply(commandOf("later")));
  await settle();
  assertInstanceOf(later.error, ShutdownError);
  assertStrictEquals(later.error.cause, cause);

  cluster.nodes.delete(old.id);
  const next = await cluster.leader();
  const { index } = await cluster.until(next.raft.apply(commandOf("after")));
  await cluster.applied(index);
  for (const { fsm } of cluster.nodes.values()) {
    assertEquals([fsm.commands[0], fsm.commands.at(-1)], ["before", "after"]);
  }
});

Deno.test("a follower whose disk fails stops, and the leader hardly notices", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const [follower] = cluster.others(leader.id);
  follower!.log.completion = "manual";
  const call = watch(leader.raft.apply(commandOf("x")));
  await cluster.clock.advance(5);
  follower!.log.fail();
  assertInstanceOf(await follower!.raft.stopped, StorageError);
  await cluster.clock.waitFor("the call is answered", 100, () => call.settled);
  assertEquals([call.summary, leader.raft.state], ["resolved", "leader"]);
});

for (const how of ["throws", "rejects"] as const) {
  Deno.test(`B72: a state machine that ${how} stops its node, and every call settles`, async () => {
    const error = new Error("divided by zero");
    await using node = await startLoneNode({ fsm: new Fragile(how, error) });
    const { raft, peers, fsm } = node;
    await makeLeader(node);
    const texts = ["good", "poison", "after it"];
    const calls = texts.map((text) => watch(raft.apply(commandOf(text))));
    const barrier = watch(raft.barrier());
    await settle();
    accept(peers, 5);
    const cause = await raft.stopped;
    await settle();
    assertInstanceOf(cause, FsmFailedError);
    assertEquals(cause.index, toIndex(4));
    assertStrictEquals(cause.cause, error);
    assertEquals([...calls, barrier].map(({ summary }) => summary), [
      "resolved",
      "shutdown/unknown",
      "shutdown/unknown",
      "shutdown/unknown",
    ]);
    for (const call of calls.slice(1)) {
      assertInstanceOf(call.error, ShutdownError);
      assertStrictEquals(call.error.cause, cause);
    }
    assertEquals([fsm.commands, raft.appliedIndex as number], [["good"], 3]);
    assertEquals(node.peers.closed, 1);
  });
}

Deno.test("B72: a command that no state machine can stand stops every node that commits it, and is answered by none", async () => {
  await using cluster = await Cluster.start(3, {
    fsm: () => new Fragile("throws", new Error("divided by zero")),
  });
  const leader = await cluster.leader();
  const call = watch(leader.raft.apply(commandOf("poison")));
  await cluster.clock.waitFor("the leader has stopped", 100, () => call.settled);
  assertEquals(call.summary, "shutdown/unknown");
  const nodes = [...cluster.nodes.values()];
  const running = () => nodes.filter(({ raft }) => raft.state !== "shutdown");
  await cluster.clock.waitFor("its successor has stopped", 20_000, () => running().length === 1);
  // The last one has no majority any more, so that it never learns that the command is committed.
  await cluster.clock.advance(20_000);
  assertEquals(running().map(({ raft }) => raft.appliedIndex as number), [2]);
  for (const { raft, fsm } of nodes) {
    if (raft.state === "shutdown") assertInstanceOf(await raft.stopped, FsmFailedError);
    assertEquals(fsm.commands, []);
  }
});

Deno.test("a step that fails half-way: what it was to append is not written, and nothing of it is told", async () => {
  await using node = await startLoneNode();
  const { raft, log, peers } = node;
  await makeLeader(node);
  const damage = new StorageError("log-1.seg is damaged at byte 64");
  log.term = () => {
    throw damage;
  };
  const calls = [watch(raft.apply(commandOf("x"))), watch(raft.barrier())];
  assertStrictEquals(await raft.stopped, damage);
  await settle();
  assertEquals(calls.map(({ summary }) => summary), Array(2).fill("shutdown/not-written"));
  assertEquals([peers.take("append").length, log.lastIndex as number], [0, 2]);
});

Deno.test("nothing more is done of a step in which the state machine fails", async () => {
  const lines: string[] = [];
  const note = (message: string) => lines.push(message);
  const logger = { debug: note, info: note, warn: note, error: note };
  await using node = await startLoneNode({
    fsm: new Fragile("throws", new Error("divided by zero")),
    logger,
  });
  await makeLeader(node);
  watch(node.raft.apply(commandOf("poison")));
  await settle();
  lines.length = 0;
  // Another leader has committed the command: in one step it is applied and leadership is lost.
  node.peers.say("n3", {
    type: "append",
    term: toTerm(3),
    prevLogIndex: toIndex(3),
    prevLogTerm: toTerm(2),
    entries: undefined,
    leaderCommit: toIndex(3),
    round: 1,
    leased: false,
    yields: false,
  });
  assertInstanceOf(await node.raft.stopped, FsmFailedError);
  assertEquals(lines, ["node {id} stops: {error}", "node {id} has stopped"]);
});

Deno.test("an invariant that does not hold stops the node instead of letting it go on", async () => {
  await using node = await startLoneNode();
  const { raft, peers } = node;
  await makeLeader(node);
  const call = watch(raft.apply(commandOf("x")));
  await settle();
  // Two leaders in one term: somebody has voted twice.
  peers.say("n3", {
    type: "append",
    term: toTerm(2),
    prevLogIndex: toIndex(2),
    prevLogTerm: toTerm(2),
    entries: undefined,
    leaderCommit: toIndex(2),
    round: 1,
    leased: false,
    yields: false,
  });
  const cause = await raft.stopped;
  assertInstanceOf(cause, InvariantViolation);
  assertEquals(cause.message, "n3 and n1 both lead in term 2");
  await settle();
  assertEquals(call.summary, "shutdown/unknown");
});

Deno.test("a transport that throws stops the node, also where a message has waited for the disk", async () => {
  for (const when of ["at once", "after a write"] as const) {
    await using node = await startLoneNode();
    const { raft, log, peers } = node;
    const broken = new Error("a bug in the transport");
    if (when === "after a write") log.completion = "manual";
    peers.say("n2", {
      type: "vote",
      term: toTerm(2),
      lastLogIndex: toIndex(1),
      lastLogTerm: toTerm(1),
      leadershipTransfer: false,
    });
    await settle();
    peers.send = () => {
      throw broken;
    };
    if (when === "after a write") log.complete();
    else await node.clock.advance(5000);
    assertStrictEquals(await raft.stopped, broken);
  }
});

Deno.test("a failure while the node is shut down is no failure any more", async () => {
  await using node = await startLoneNode();
  const { raft, log } = node;
  await makeLeader(node, "manual");
  const call = watch(raft.apply(commandOf("x")));
  await settle();
  const shutdown = raft.shutdown();
  log.fail();
  await shutdown;
  assertEquals(await raft.stopped, undefined);
  assertEquals(call.summary, "shutdown/unknown");
});

Deno.test("a node whose disk failed comes back when it is started on what the disk holds", async () => {
  await using cluster = await Cluster.start(3);
  const old = await cluster.leader();
  const [one, other] = cluster.others(old.id);
  await cluster.crash(old.id);
  one!.log.fail("no space left on device");
  await cluster.clock.waitFor("it finds out", 20_000, () => one!.raft.state === "shutdown");
  assert(other!.raft.state !== "shutdown");
  cluster.nodes.delete(one!.id);
  await cluster.startNode(one!.id, one!.log.reopen());
  const leader = await cluster.leader();
  await cluster.until(leader.raft.apply(commandOf("goes on")));
});
