/**
 * Raft: shut down at every moment, with everything open that can be. Everything settles, and nothing is left.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { MemoryLog, MemorySnapshotStore, settle, VirtualClock } from "@coracle/testing";
import type { Entry } from "../model/entry.ts";
import { ShutdownError } from "../model/errors.ts";
import { Cluster, commandOf, Recorder } from "./_testing/cluster.ts";
import { makeLeader, PlayedPeers, startLoneNode } from "./_testing/lone_node.ts";
import { watch, type Watched } from "./_testing/outcome.ts";
import { Raft } from "./raft.ts";

/** Asks everything of `raft` that can be open. */
function askEverything(raft: Raft<string>): Watched<unknown>[] {
  const { signal } = new AbortController();
  return [
    watch(raft.apply(commandOf("plain"))),
    watch(raft.apply(commandOf("with a deadline"), { timeoutMs: 5000 })),
    watch(raft.apply(commandOf("with a signal"), { signal })),
    watch(raft.barrier({ timeoutMs: 60_000 })),
    watch(raft.verifyLeader()),
    watch(raft.verifyLeader({ timeoutMs: 60_000, signal })),
  ];
}

/** Asks what may change members, leader or state as well. */
function askMore(raft: Raft<string>): Watched<unknown>[] {
  const { servers } = raft.configuration().configuration;
  return [
    watch(raft.read(() => "linearizable", { timeoutMs: 60_000 })),
    watch(raft.read(() => "lease", { level: "lease" })),
    watch(raft.read(() => "local", { level: "local" })),
    watch(raft.snapshot()),
    watch(raft.addVoter("x1", "x1", { timeoutMs: 60_000 })),
    watch(raft.changeConfiguration({ servers })),
    watch(raft.restore([commandOf("backup\n")])),
    watch(raft.transferLeadership()),
  ];
}

/** Reads news of leadership to the end. */
async function readAll(raft: Raft<string>): Promise<void> {
  for await (const { isLeader } of raft.leadershipChanges()) void isLeader;
}

/** How calls may have ended. */
const ENDINGS = new Set([
  "shutdown/failed",
  "leadership-lost/failed",
  "aborted-by-restore/failed",
  "aborted-by-restore/not-written",
  "transfer-in-progress/not-written",
  "transfer-failed/not-written",
  "configuration-in-progress/not-written",
  "configuration-changed/not-written",
  "configuration-changed/failed",
  "configuration-changed/unknown",
  "invalid-configuration/not-written",
  "nothing-new-to-snapshot/not-written",
  "resolved",
  "shutdown/not-written",
  "shutdown/unknown",
  "not-leader/not-written",
  "leadership-lost/not-written",
  "leadership-lost/unknown",
  "cannot-bootstrap/not-written",
]);

function assertAllEnded(calls: readonly Watched<unknown>[], when: string): void {
  for (const { summary } of calls) assert(ENDINGS.has(summary), `${summary}, ${when}`);
}

Deno.test("B78: a node alone can be shut down at every moment from its start on", async () => {
  let resolved = 0;
  let stopped = 0;
  for (let moment = 0; moment < 150; moment += 1) {
    const clock = new VirtualClock();
    const log = new MemoryLog();
    const transport = new PlayedPeers();
    const fsm = new Recorder();
    const snapshots = new MemorySnapshotStore();
    const raft = await Raft.start({ id: "n1", fsm, log, snapshots, transport, clock, seed: 1 });
    const server = { id: "n1", address: "n1", suffrage: "voter" } as const;
    const calls = [watch(raft.bootstrap({ servers: [server] }))] as Watched<unknown>[];
    let asked = 0;
    for (let turn = 0; turn < moment; turn += 1) {
      // One microtask at a time, and now and then a timer.
      await Promise.resolve();
      if (turn % 5 === 4) clock.runNext();
      if (raft.state === "leader" && turn % 10 === 0) {
        calls.push(...askEverything(raft), ...askMore(raft), watch(readAll(raft)));
        asked += 1;
      }
    }
    calls.push(...askEverything(raft), ...askMore(raft), watch(readAll(raft)));
    await raft.shutdown();
    await settle();
    assertAllEnded(calls, `shut down at moment ${moment}`);
    assertEquals(clock.nextTimerAtMs, Infinity, `a timer is left at moment ${moment}`);
    assertEquals([snapshots.writing, snapshots.reading], [0, 0], `moment ${moment}`);
    assertEquals([raft.state, transport.closed, await raft.stopped], ["shutdown", 1, undefined]);
    if (asked > 0) resolved += calls.filter(({ summary }) => summary === "resolved").length;
    stopped += calls.filter(({ summary }) => summary.startsWith("shutdown/")).length;
  }
  assert(resolved > 100 && stopped > 100, `${resolved} resolved, ${stopped} stopped`);
});

for (const who of ["leader", "follower"] as const) {
  Deno.test(`B78: the ${who} of three can be shut down at every step of the others`, async () => {
    for (let steps = 0; steps < 40; steps += 1) {
      await using cluster = await Cluster.start(3, { retain: 1 });
      const leader = await cluster.leader();
      const node = who === "leader" ? leader : cluster.others(leader.id)[0]!;
      const calls: Watched<unknown>[] = [];
      for (let step = 0; step < steps; step += 1) {
        if (step % 3 === 0) calls.push(...askEverything(leader.raft));
        cluster.clock.runNext();
        if (step % 2 === 0) await settle();
      }
      calls.push(...askEverything(node.raft), ...askMore(node.raft));
      await cluster.stop(node.id);
      await settle();
      if (who === "leader") assertAllEnded(calls, `shut down after ${steps} steps`);
      const next = await cluster.leader();
      await cluster.until(next.raft.apply(commandOf("goes on")));
      await cluster.clock.waitFor(
        "every call ends",
        2000,
        () => calls.every(({ settled }) => settled),
      );
      assertAllEnded(calls, `shut down after ${steps} steps`);
    }
  });
}

Deno.test("shutdown tells callers whether their command may have been written", async () => {
  await using node = await startLoneNode();
  await makeLeader(node);
  const appended = watch(node.raft.apply(commandOf("appended")));
  await settle();
  const waiting = watch(node.raft.apply(commandOf("waiting")));
  const question = watch(node.raft.verifyLeader());
  const shutdown = node.raft.shutdown();
  await settle();
  assertEquals(appended.summary, "shutdown/unknown");
  assertEquals(waiting.summary, "shutdown/not-written");
  assertEquals(question.summary, "shutdown/not-written");
  await shutdown;
});

Deno.test("after shutdown nothing is taken any more, and what can be looked at can still be looked at", async () => {
  await using node = await startLoneNode();
  await makeLeader(node);
  const { raft } = node;
  await raft.shutdown();
  for (
    const call of [
      () => raft.apply(commandOf("x")),
      () => raft.barrier(),
      () => raft.verifyLeader(),
      () => raft.read(() => "x"),
      () => raft.read(() => "x", { level: "local" }),
      () => raft.snapshot(),
      () => raft.addVoter("n4", "n4"),
      () => raft.addNonvoter("n4", "n4"),
      () => raft.demoteVoter("n2"),
      () => raft.removeServer("n2"),
      () => raft.changeConfiguration(raft.configuration().configuration),
      () => raft.transferLeadership(),
      () => raft.stepDown(),
      () => raft.bootstrap({ servers: [{ id: "n1", address: "n1", suffrage: "voter" }] }),
    ]
  ) {
    const error = await assertRejects(call, ShutdownError);
    assertEquals([error.outcome, error.cause], ["not-written", undefined]);
  }
  assertEquals([raft.state, raft.leader, raft.stats().state], ["shutdown", undefined, "shutdown"]);
  assertEquals([raft.lastIndex, raft.commitIndex, raft.appliedIndex] as number[], [2, 2, 2]);
  const { value } = await raft.leadershipChanges().next();
  assertEquals([value!.leader, value!.isLeader], [undefined, false]);
});

Deno.test("shutdown is one, however often and in whichever way it is asked for", async () => {
  await using node = await startLoneNode();
  const { raft, peers } = node;
  const all = [raft.shutdown(), raft.shutdown(), raft[Symbol.asyncDispose]()];
  assertEquals(all[0] === all[1] && all[1] === all[2], true);
  await Promise.all(all);
  assertEquals([peers.closed, await raft.stopped], [1, undefined]);
});

Deno.test("shutdown waits for the write under way, not so its callers", async () => {
  await using node = await startLoneNode();
  const { raft, log } = node;
  await makeLeader(node, "manual");
  const call = watch(raft.apply(commandOf("x")));
  await settle();
  const shutdown = watch(raft.shutdown());
  await settle();
  assertEquals([call.summary, shutdown.summary], ["shutdown/unknown", "open"]);
  log.complete();
  await settle();
  assertEquals([shutdown.summary, log.lastIndex as number], ["resolved", 3]);
});

Deno.test("shutdown waits for the command under way, not so its caller", async () => {
  const gate = Promise.withResolvers<void>();
  const done: string[] = [];
  class Slow extends Recorder {
    override async apply(entry: Entry): Promise<string> {
      await gate.promise;
      done.push("applied");
      return await super.apply(entry);
    }
  }
  await using cluster = await Cluster.start(1, { fsm: () => new Slow() });
  const { raft, log } = await cluster.leader();
  const calls = [watch(raft.apply(commandOf("1"))), watch(raft.apply(commandOf("2")))];
  await cluster.clock.advance(10);
  const close = log.close.bind(log);
  log.close = () => {
    done.push("closed");
    return close();
  };
  const shutdown = watch(raft.shutdown());
  await settle();
  assertEquals(shutdown.summary, "open");
  assertEquals(calls.map(({ summary }) => summary), ["shutdown/unknown", "shutdown/unknown"]);
  gate.resolve();
  await settle();
  assertEquals([shutdown.summary, done], ["resolved", ["applied", "closed"]]);
});

Deno.test("a state machine may shut its own node down", async () => {
  const held: { raft?: Raft<string> } = {};
  class Tired extends Recorder {
    override apply(entry: Entry): string | Promise<string> {
      void held.raft!.shutdown();
      return super.apply(entry);
    }
  }
  await using cluster = await Cluster.start(1, { fsm: () => new Tired() });
  const node = await cluster.leader();
  const { raft } = node;
  held.raft = raft;
  const calls = [watch(raft.apply(commandOf("last"))), watch(raft.apply(commandOf("never")))];
  await raft.stopped;
  await settle();
  assertEquals(node.fsm.commands, ["last"]);
  assertAllEnded(calls, "shut down by the state machine");
});

for (
  const [how, fail] of [
    ["rejects", (error: Error) => Promise.reject(error)],
    ["throws", (error: Error) => {
      throw error;
    }],
  ] as const
) {
  Deno.test(`what ${how} when it is closed is told to the log, and hides nothing`, async () => {
    const warnings: unknown[] = [];
    const clock = new VirtualClock();
    const log = new MemoryLog();
    const transport = new PlayedPeers();
    transport.close = () => fail(new Error("half-open for ever"));
    log.close = () => fail(new Error("no such file"));
    const quiet = () => {};
    const raft = await Raft.start({
      id: "n1",
      fsm: new Recorder(),
      log,
      transport,
      clock,
      logger: {
        debug: quiet,
        info: quiet,
        error: quiet,
        warn: (_, properties) => warnings.push(properties!["error"]),
      },
    });
    await raft.shutdown();
    assertEquals(warnings.map((error) => (error as Error).message), [
      "half-open for ever",
      "no such file",
    ]);
    assertEquals(await raft.stopped, undefined);
  });
}

Deno.test("a logger that throws stops nothing, and keeps nothing from stopping", async () => {
  const fail = () => {
    throw new Error("no line can be written");
  };
  const logger = { debug: fail, info: fail, warn: fail, error: fail };
  const node = await startLoneNode({ logger });
  await makeLeader(node);
  assertEquals(node.raft.state, "leader");
  await node.raft.shutdown();
  assertEquals(await node.raft.stopped, undefined);
});

Deno.test("a message that arrives after shutdown changes nothing", async () => {
  await using node = await startLoneNode();
  await makeLeader(node);
  const { raft, peers } = node;
  const { term } = raft;
  await raft.shutdown();
  peers.sent = [];
  const later = { type: "voteResult", term: (term + 5) as typeof term, granted: false } as const;
  peers.say("n2", later);
  await settle();
  assertEquals([raft.term, peers.sent.length], [term, 0]);
  assertInstanceOf(await raft.apply(commandOf("x")).catch((error) => error), ShutdownError);
});
