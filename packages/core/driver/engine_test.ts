/**
 * The engine: what leaves when, and what it costs. One real node whose peers are played by the test.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { settle, VirtualClock } from "@coracle/testing";
import { NO_BYTES } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import { StorageError } from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import type { CancelTimer } from "../ports/clock.ts";
import type { LogWrite } from "../ports/log_store.ts";
import { Cluster, commandOf } from "./_testing/cluster.ts";
import { accept, type LoneNode, makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import { watch } from "./_testing/outcome.ts";
import type { PlayedMessage } from "./_testing/played_message.ts";

/** A candidate of `term` with the same log as the node. */
function voteOf(term: number): PlayedMessage<"vote"> {
  return {
    type: "vote",
    term: toTerm(term),
    lastLogIndex: toIndex(1),
    lastLogTerm: toTerm(1),
    leadershipTransfer: false,
  };
}

/** A message of the leader of term 2, with `count` entries after `prevLogIndex`. */
function appendOf(count: number, prevLogIndex = 1): PlayedMessage<"append"> {
  const noop = { type: "noop", data: NO_BYTES, extensions: NO_BYTES } as const;
  return {
    type: "append",
    term: toTerm(2),
    prevLogIndex: toIndex(prevLogIndex),
    prevLogTerm: toTerm(prevLogIndex === 1 ? 1 : 2),
    entries: count === 0
      ? undefined
      : EntryRun.encode(toIndex(prevLogIndex + 1), toTerm(2), 0, Array(count).fill(noop)),
    leaderCommit: toIndex(1),
    round: 1,
    leased: false,
    yields: false,
  };
}

/** Promises that must not leave before the disk has them: what makes the node give one, and the message in which it does. */
const PROMISES: readonly {
  readonly name: string;
  readonly type: "voteResult" | "appendAccepted" | "vote";
  readonly provoke: (node: LoneNode) => void | Promise<void>;
}[] = [
  {
    name: "B02: a vote",
    type: "voteResult",
    provoke: ({ peers }) => peers.say("n2", voteOf(2)),
  },
  {
    name: "B16: an acknowledgement of entries",
    type: "appendAccepted",
    provoke: ({ peers }) => peers.say("n2", appendOf(3)),
  },
  {
    name: "B02: a candidate's request for votes, since it votes for itself by it",
    type: "vote",
    provoke: async ({ clock, peers }) => {
      await clock.waitFor("it asks", 5000, () => peers.take("preVote").length > 0);
      const proposedTerm = toTerm(2);
      peers.say("n2", { type: "preVoteResult", term: toTerm(1), proposedTerm, granted: true });
    },
  },
];

for (const { name, type, provoke } of PROMISES) {
  Deno.test(`${name} leaves when it is durable, and not before`, async () => {
    await using node = await startLoneNode();
    const { log, peers } = node;
    log.completion = "manual";
    await provoke(node);
    await settle();
    assert(log.waitingWrites > 0);
    assertEquals(peers.take(type), []);
    log.complete();
    await settle();
    const sent = peers.take(type);
    assertEquals(sent.length, type === "vote" ? 2 : 1);
    assertEquals(sent[0]!.term, toTerm(2));
  });

  Deno.test(`${name} never leaves if the disk fails`, async () => {
    await using node = await startLoneNode();
    const { log, peers, raft } = node;
    log.completion = "manual";
    await provoke(node);
    await settle();
    log.fail("B32: the sync failed");
    assertInstanceOf(await raft.stopped, StorageError);
    assertEquals(peers.take(type), []);
    assertEquals([raft.state, peers.closed], ["shutdown", 1]);
  });
}

Deno.test("a promise waits for its own write, not for one before it", async () => {
  await using node = await startLoneNode();
  const { log, peers } = node;
  log.completion = "manual";
  for (const [from, term] of [["n2", 2], ["n3", 3]] as const) {
    peers.say(from, voteOf(term));
    await settle();
  }
  for (const term of [2, 3]) {
    log.complete();
    await settle();
    assertEquals(peers.take("voteResult").map((sent) => sent.term), [toTerm(term)]);
  }
});

Deno.test("B02: after a power failure a node may vote for another, since nobody got its first vote", async () => {
  await using node = await startLoneNode();
  const { log, peers } = node;
  log.completion = "manual";
  peers.say("n2", voteOf(2));
  await settle();
  assertEquals(peers.take("voteResult"), []);
  const disk = log.crash();
  assertEquals(disk.hardState, { term: toTerm(1), votedFor: undefined });
});

Deno.test("what promises nothing leaves at once, however slow the disk", async () => {
  await using node = await startLoneNode();
  const { log, peers } = node;
  await makeLeader(node, "manual");
  const call = watch(node.raft.apply(commandOf("x")));
  await settle();
  const appends = peers.take("append");
  assertEquals(appends.map(({ entries }) => entries?.count), [1], "n3 has not been heard yet");
  assertEquals(log.lastIndex, 2, "while its own disk has not even begun to have it");
  // One follower's disk is no majority: its own would have to be the second.
  accept(peers, 3);
  await settle();
  assertEquals(node.raft.commitIndex, toIndex(2));
  log.completion = "immediate";
  log.complete();
  await settle();
  assertEquals([call.summary, node.raft.commitIndex as number], ["resolved", 3]);
});

Deno.test("a heartbeat is answered while the disk is busy, with what is durable", async () => {
  await using node = await startLoneNode();
  const { log, peers } = node;
  peers.say("n2", appendOf(1));
  await settle();
  peers.sent = [];
  log.completion = "manual";
  peers.say("n2", appendOf(1, 2));
  peers.say("n2", appendOf(0, 3));
  await settle();
  assertEquals(peers.take("appendAccepted").map(({ matchIndex }) => matchIndex), [toIndex(2)]);
});

Deno.test("B16: a leader alone counts its own disk, not its own intention", async () => {
  await using cluster = await Cluster.start(1);
  const { raft, log, fsm } = await cluster.leader();
  await cluster.applied(2);
  log.completion = "manual";
  const call = watch(raft.apply(commandOf("x")));
  await settle();
  assertEquals([call.summary, raft.lastIndex as number, raft.commitIndex as number], [
    "open",
    3,
    2,
  ]);
  assertEquals(fsm.commands, []);
  log.complete();
  await settle();
  assertEquals([call.summary, fsm.commands], ["resolved", ["x"]]);
});

Deno.test("B01: term and vote are written together", async () => {
  await using node = await startLoneNode();
  const { log, peers } = node;
  const writes: LogWrite[] = [];
  const persist = log.persist.bind(log);
  log.persist = (some) => {
    writes.push(...some);
    return persist(some);
  };
  peers.say("n2", voteOf(2));
  await settle();
  assertEquals(writes.map(({ hardState }) => hardState), [{ term: toTerm(2), votedFor: "n2" }]);
});

Deno.test("group commit: calls that come together are one write, those that come meanwhile the next", async () => {
  await using node = await startLoneNode();
  const { raft, log, peers } = node;
  await makeLeader(node, "manual");
  const writes: number[] = [];
  const persist = log.persist.bind(log);
  log.persist = (some) => {
    writes.push(some.reduce((sum, { entries }) => sum + entries!.count, 0));
    return persist(some);
  };
  const calls = Array.from({ length: 100 }, (_, n) => watch(raft.apply(commandOf(`${n}`))));
  await settle();
  for (let n = 100; n < 200; n += 1) {
    calls.push(watch(raft.apply(commandOf(`${n}`))));
    if (n % 10 === 0) await settle();
  }
  await settle();
  log.complete();
  await settle();
  log.complete();
  accept(peers, 202);
  await settle();
  assertEquals(writes, [100, 100]);
  assertEquals(calls.filter(({ summary }) => summary === "resolved").length, 200);
  const texts = Array.from({ length: 200 }, (_, n) => `${n}`);
  assertEquals(node.fsm.commands, texts, "in the order in which they were handed over");
  const sizes = peers.take("append").map(({ entries }) => entries?.count ?? 0);
  assert(sizes.length < 50, `${sizes.length} messages for 200 calls`);
});

/** A clock that counts. */
class CountingClock extends VirtualClock {
  set = 0;
  fired = 0;

  override setTimer(delayMs: number, callback: () => void): CancelTimer {
    this.set += 1;
    return super.setTimer(delayMs, () => {
      this.fired += 1;
      callback();
    });
  }
}

Deno.test("an idle follower's timer goes off about once in a heartbeat timeout", async () => {
  const clock = new CountingClock();
  await using node = await startLoneNode({ clock });
  clock.fired = clock.set = 0;
  for (let heartbeats = 0; heartbeats < 300; heartbeats += 1) {
    node.peers.say("n2", appendOf(0));
    await clock.advance(100);
  }
  assertEquals(node.raft.leader?.id, "n2");
  assertEquals(node.raft.term, toTerm(2));
  assert(clock.fired <= 40, `${clock.fired} times in 30 heartbeat timeouts`);
  assert(
    clock.set <= 60,
    `set ${clock.set} times: it is not set anew whenever the leader is heard`,
  );
});

Deno.test("an idle leader's timer goes off for its heartbeats, and little else", async () => {
  const clock = new CountingClock();
  await using node = await startLoneNode({ clock });
  await makeLeader(node);
  clock.fired = 0;
  for (let rounds = 0; rounds < 100; rounds += 1) {
    await clock.advance(100);
    for (const { round } of node.peers.take("append").slice(-1)) {
      node.peers.say("n2", {
        type: "appendAccepted",
        term: toTerm(2),
        matchIndex: toIndex(2),
        round,
        priority: 1,
      });
    }
  }
  assertEquals(node.raft.state, "leader");
  assert(clock.fired <= 160, `${clock.fired} times in 100 heartbeats`);
});
