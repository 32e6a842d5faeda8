/**
 * Raft: commands and barriers on their way to the state machine, and the bounds on them.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { settle } from "@coracle/testing";
import type { Entry } from "../model/entry.ts";
import {
  AbortedError,
  CommandTooLargeError,
  CommitTimeoutError,
  EnqueueTimeoutError,
  InvalidConfigError,
  OverloadedError,
} from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import { Cluster, commandOf, Recorder, responseTo } from "./_testing/cluster.ts";
import { accept, makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import { watch, type Watched } from "./_testing/outcome.ts";

for (const size of [1, 3, 5]) {
  Deno.test(`a cluster of ${size} applies what callers want, in order, on every node`, async () => {
    await using cluster = await Cluster.start(size);
    const { raft } = await cluster.leader();
    const texts = Array.from({ length: 300 }, (_, n) => `command ${n}`);
    const answers: Promise<string>[] = [];
    for (const [n, text] of texts.entries()) {
      answers.push(
        raft.apply(commandOf(text)).then(({ index, response }) => {
          assertEquals(response, responseTo(text, index));
          return response;
        }),
      );
      if (n % 50 === 0) await cluster.clock.advance(1);
    }
    const responses = await cluster.until(Promise.all(answers));
    assertEquals(new Set(responses).size, 300);
    await cluster.applied(raft.commitIndex);
    for (const { fsm } of cluster.nodes.values()) assertEquals(fsm.commands, texts);
  });
}

Deno.test("extensions, type and time of an entry reach the state machine", async () => {
  const entries: Entry[] = [];
  class Keeper extends Recorder {
    override apply(entry: Entry): string | Promise<string> {
      entries.push({ ...entry, data: entry.data.slice(), extensions: entry.extensions.slice() });
      return super.apply(entry);
    }
  }
  await using cluster = await Cluster.start(1, { fsm: () => new Keeper() });
  const { raft } = await cluster.leader();
  const extensions = commandOf("for a layer between");
  await cluster.until(raft.apply(commandOf("x"), { extensions }));
  await cluster.until(raft.apply(new Uint8Array(0)));
  const [one, empty] = entries;
  assertEquals(one!.type, "command");
  assertEquals([one!.index, one!.term] as number[], [3, 2]);
  assertEquals([one!.data, one!.extensions], [commandOf("x"), extensions]);
  assertEquals(one!.appendedAtMs, cluster.clock.wallTime());
  assertEquals([empty!.data.length, empty!.extensions.length], [0, 0]);
});

Deno.test("a barrier resolves when everything before it is applied", async () => {
  const gate = Promise.withResolvers<void>();
  class Slow extends Recorder {
    override async apply(entry: Entry): Promise<string> {
      await gate.promise;
      return await super.apply(entry);
    }
  }
  await using cluster = await Cluster.start(1, { fsm: () => new Slow() });
  const { raft, fsm } = await cluster.leader();
  const command = watch(raft.apply(commandOf("x")));
  const barrier = watch(raft.barrier());
  await cluster.clock.advance(10);
  assertEquals([raft.commitIndex as number, barrier.summary], [4, "open"]);
  gate.resolve();
  await settle();
  assertEquals([command.summary, barrier.value], ["resolved", toIndex(4)]);
  assertEquals(fsm.commands, ["x"], "the barrier itself is none of its business");
});

Deno.test("a command that is too large is refused with the limit, extensions included", async () => {
  await using cluster = await Cluster.start(1, { config: { commandSizeMaxBytes: 100 } });
  const { raft } = await cluster.leader();
  await cluster.until(raft.apply(new Uint8Array(60), { extensions: new Uint8Array(40) }));
  const error = await assertRejects(
    () => raft.apply(new Uint8Array(60), { extensions: new Uint8Array(41) }),
    CommandTooLargeError,
  );
  assertEquals([error.outcome, error.sizeBytes, error.limitBytes], ["not-written", 101, 100]);
  assertEquals(error.message, "a command of 101 bytes is larger than the limit of 100 bytes");
});

Deno.test("what is no bytes is refused at once, and the node goes on", async () => {
  await using cluster = await Cluster.start(1);
  const { raft } = await cluster.leader();
  const { lastIndex } = raft;
  for (const other of [new ArrayBuffer(3), "text", [1, 2], undefined]) {
    const bytes = other as unknown as Uint8Array;
    await assertRejects(() => raft.apply(bytes), InvalidConfigError, "command is of type ");
    if (other === undefined) continue;
    await assertRejects(
      () => raft.apply(commandOf("x"), { extensions: bytes }),
      InvalidConfigError,
      "extensions is of type ",
    );
  }
  assertEquals([raft.lastIndex, raft.state], [lastIndex, "leader"]);
  await cluster.until(raft.apply(commandOf("x")));
});

Deno.test("options that cannot be, and a signal that has fired, are refused at once", async () => {
  await using cluster = await Cluster.start(1);
  const { raft } = await cluster.leader();
  const { lastIndex } = raft;
  const error = await assertRejects(
    () => raft.apply(commandOf("x"), { timeoutMs: -5 }),
    InvalidConfigError,
  );
  assertEquals(error.message, "timeoutMs is -5; allowed is 0 or more milliseconds");
  await assertRejects(
    () => raft.apply(commandOf("x"), { timeoutMs: "500" as unknown as number }),
    InvalidConfigError,
    'timeoutMs is "500"; allowed is 0 or more milliseconds',
  );
  const aborted = await assertRejects(
    () => raft.apply(commandOf("x"), { signal: AbortSignal.abort("no") }),
    AbortedError,
  );
  assertEquals([aborted.outcome, aborted.cause], ["not-written", "no"]);
  assertEquals(raft.lastIndex, lastIndex);
});

Deno.test("a timeout or a name in the place of options is refused", async () => {
  await using cluster = await Cluster.start(3);
  const { raft } = await cluster.leader();
  const { lastIndex } = raft;
  const timeoutMs = 500 as unknown as Record<string, never>;
  const calls = [
    () => raft.apply(commandOf("x"), timeoutMs),
    () => raft.barrier(timeoutMs),
    () => raft.read(() => 0, timeoutMs),
    () => raft.verifyLeader(timeoutMs),
    () => raft.shutdown(timeoutMs),
  ];
  for (const call of calls) {
    const message = "options is of type number; allowed is an object";
    await assertRejects(async () => void await call(), InvalidConfigError, message);
  }
  // Anybody would lead then.
  const name = "n2" as unknown as Record<string, never>;
  await assertRejects(() => raft.transferLeadership(name), InvalidConfigError, "type string");
  assertEquals([raft.state, raft.lastIndex], ["leader", lastIndex]);
});

Deno.test("a controller in the place of its signal is refused everywhere, and nothing of the call is left", async () => {
  await using cluster = await Cluster.start(1, { retain: 1 });
  const { raft, fsm } = await cluster.leader();
  const options = { signal: new AbortController() as unknown as AbortSignal };
  const member = { id: "n2", address: "n2", suffrage: "nonvoter" } as const;
  const { configuration } = raft.configuration();
  const calls: (() => unknown)[] = [
    () => raft.apply(commandOf("x"), options),
    () => raft.barrier(options),
    () => raft.verifyLeader(options),
    () => raft.read(() => 0, options),
    () => raft.addNonvoter("n2", "n2", options),
    () => raft.changeConfiguration({ servers: [...configuration.servers, member] }, options),
    () => raft.restore([], options),
    () => raft.shutdown(options),
    () => raft.observe(options),
    () => raft.leadershipChanges(options.signal),
    () => raft.apply(commandOf("x"), { signal: null as unknown as AbortSignal }),
  ];
  for (const call of calls) {
    await assertRejects(async () => await call(), InvalidConfigError, "signal is of type ");
  }
  await cluster.until(raft.apply(commandOf("y")));
  assertEquals(fsm.commands, ["y"]);
  assertEquals(raft.state, "leader");
});

Deno.test("a deadline ends a call with an unknown outcome once its entry is in the log", async () => {
  await using node = await startLoneNode();
  const { raft, clock } = node;
  await makeLeader(node, "manual");
  const [short, long] = [50, 200].map((timeoutMs) =>
    watch(raft.apply(commandOf("x"), { timeoutMs }))
  );
  await clock.advance(49);
  assertEquals(short!.summary, "open");
  await clock.advance(1);
  assertInstanceOf(short!.error, CommitTimeoutError);
  assertEquals(
    short!.error.message,
    "timed out after 50 ms while committing; the entry may still commit",
  );
  await clock.advance(150);
  assertEquals(long!.summary, "commit-timeout/unknown");
  node.log.complete();
  accept(node.peers, 4);
  await settle();
  assertEquals(node.fsm.commands, ["x", "x"], "both were committed after all");
});

Deno.test("without any time left nothing is written", async () => {
  await using node = await startLoneNode();
  await makeLeader(node);
  const late = watch(node.raft.apply(commandOf("late"), { timeoutMs: 0 }));
  const others = [
    watch(node.raft.apply(commandOf("x"))),
    watch(node.raft.barrier({ timeoutMs: 1 })),
  ];
  await settle();
  assertInstanceOf(late.error, EnqueueTimeoutError);
  assertEquals(late.error.message, "timed out after 0 ms before the entry was appended");
  assertEquals([late.summary, node.raft.lastIndex as number], ["enqueue-timeout/not-written", 4]);
  assertEquals(others.map(({ summary }) => summary), ["open", "open"]);
});

Deno.test("a signal ends a call: before it is appended nothing is written, later nobody knows", async () => {
  await using node = await startLoneNode();
  const { raft, peers } = node;
  await makeLeader(node);
  const before = new AbortController();
  const never = watch(raft.apply(commandOf("never"), { signal: before.signal }));
  before.abort();
  await settle();
  assertEquals([never.summary, raft.lastIndex as number], ["aborted/not-written", 2]);

  const after = new AbortController();
  const maybe = watch(raft.apply(commandOf("maybe"), { signal: after.signal }));
  await settle();
  after.abort("enough");
  await settle();
  assertInstanceOf(maybe.error, AbortedError);
  assertEquals([maybe.error.outcome, maybe.error.cause], ["unknown", "enough"]);
  accept(peers, 3);
  await settle();
  assertEquals(node.fsm.commands, ["maybe"]);
});

Deno.test("B77: more calls than pendingCallsMax are refused at once, until some are applied", async () => {
  await using node = await startLoneNode({ config: { pendingCallsMax: 3 } });
  const { raft, peers } = node;
  await makeLeader(node);
  const calls = [1, 2, 3, 4].map((n) => watch(raft.apply(commandOf(`${n}`))));
  await settle();
  const { error } = calls[3]!;
  assertInstanceOf(error, OverloadedError);
  assertEquals([error.outcome, error.field, error.limit], ["not-written", "pendingCallsMax", 3]);
  assertEquals(error.message, "the limit pendingCallsMax of 3 is reached");
  accept(peers, 4);
  await settle();
  assertEquals(calls.map(({ summary }) => summary).slice(0, 3), ["resolved", "resolved", "open"]);
  const more = [watch(raft.apply(commandOf("5"))), watch(raft.barrier())];
  await settle();
  assertEquals(more.map(({ summary }) => summary), ["open", "open"]);
  assertEquals(watch(raft.apply(commandOf("6"))).settled, false);
  await assertRejects(() => raft.apply(commandOf("7")), OverloadedError);
});

Deno.test("B77: callers that give up do not make room before their entries are applied", async () => {
  await using node = await startLoneNode({ config: { pendingCallsMax: 3 } });
  const { raft, clock, peers } = node;
  await makeLeader(node);
  for (const text of ["1", "2", "3"]) watch(raft.apply(commandOf(text), { timeoutMs: 10 }));
  await clock.advance(10);
  await assertRejects(() => raft.apply(commandOf("4")), OverloadedError);
  accept(peers, 5);
  await settle();
  const call = watch(raft.apply(commandOf("5")));
  await settle();
  assertEquals(call.summary, "open");
});

Deno.test("B77: more than uncommittedSizeMaxBytes is refused at once, also in the middle of what came together", async () => {
  // An entry of 68 bytes takes 100.
  await using node = await startLoneNode({ config: { uncommittedSizeMaxBytes: 250 } });
  const { raft, peers } = node;
  await makeLeader(node);
  const calls = [1, 2, 3, 4].map(() => watch(raft.apply(new Uint8Array(68))));
  await settle();
  assertEquals(calls.map(({ summary }) => summary), [
    "open",
    "open",
    "overloaded/not-written",
    "overloaded/not-written",
  ]);
  const { error } = calls[2]!;
  assertInstanceOf(error, OverloadedError);
  assertEquals([error.field, error.limit], ["uncommittedSizeMaxBytes", 250]);
  assertEquals(raft.stats().uncommittedSizeBytes, 200);
  accept(peers, 4);
  await settle();
  assertEquals(calls.slice(0, 2).map(({ summary }) => summary), ["resolved", "resolved"]);
  // However small the bound, one command always goes through.
  const large = watch(raft.apply(new Uint8Array(1000)));
  await settle();
  assertEquals(large.summary, "open");
});

Deno.test("B77: of a million calls a leader without a majority takes what its bound allows, and refuses all others at once", async () => {
  await using node = await startLoneNode({ config: { pendingCallsMax: 1000 } });
  const { raft, log } = node;
  await makeLeader(node);
  const { lastIndex } = raft;
  const taken: Watched<unknown>[] = [];
  let refused = 0;
  const refuse = (error: unknown): void =>
    void (refused += error instanceof OverloadedError ? 1 : 0);
  for (let turn = 0; turn < 1000; turn += 1) {
    for (let n = 0; n < 1000; n += 1) {
      const call = raft.apply(commandOf("x"));
      if (turn === 0) taken.push(watch(call));
      else call.catch(refuse);
    }
    await undefined; // for those who wait
  }
  await settle();
  assertEquals([raft.lastIndex - lastIndex, log.lastIndex - lastIndex], [1000, 1000]);
  assertEquals([raft.stats().uncommittedSizeBytes, refused], [33_000, 999_000]);
  await node.clock.waitFor("it gives up", 1100, () => raft.state !== "leader");
  assert(taken.every(({ summary }) => summary === "leadership-lost/unknown"));
});

Deno.test("stats tell how far a leader and its followers are", async () => {
  await using node = await startLoneNode();
  const { raft, clock } = node;
  await makeLeader(node, "manual");
  watch(raft.apply(new Uint8Array(68)));
  await clock.advance(10);
  const stats = raft.stats();
  assertEquals(stats.followers.map(({ id }) => id), ["n2", "n3"]);
  const [n2] = stats.followers;
  assertEquals([n2!.matchIndex, n2!.nextIndex] as number[], [2, 4]);
  assertEquals([n2!.inflightSizeBytes, n2!.lastContactMs], [100, 10]);
  assertEquals(
    [stats.lastLogIndex, stats.durableIndex, stats.commitIndex, stats.appliedIndex] as number[],
    [3, 2, 2, 2],
  );
  assertEquals([stats.state, stats.leader, stats.numPeers], ["leader", "n1", 2]);
  assertEquals([stats.lastContactMs, stats.uncommittedSizeBytes], [0, 100]);
  assertEquals([stats.term, stats.lastLogTerm, stats.fsmPending] as number[], [2, 2, 0]);
});

Deno.test("stats of followers: the leader, and when it was last heard", async () => {
  await using cluster = await Cluster.start(3);
  const { id } = await cluster.leader();
  await cluster.clock.advance(1000);
  for (const { raft } of cluster.others(id)) {
    const { state, leader, lastContactMs, followers, numPeers } = raft.stats();
    assertEquals([state, leader, followers.length, numPeers], ["follower", id, 0, 2]);
    assert(lastContactMs! <= 100, `${lastContactMs} ms`);
  }
  const { raft } = await cluster.startNode("stranger");
  assertEquals(raft.stats().lastContactMs, undefined);
  assertEquals(raft.stats().numPeers, 0);
});
