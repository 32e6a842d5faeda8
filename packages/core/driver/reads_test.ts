/**
 * Reads: which share a question, when it is repeated, and that each is answered once.
 *
 * @module
 */
import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { settle, VirtualClock } from "@coracle/testing";
import { completeConfig } from "../model/config.ts";
import { NotLeaderError, OverloadedError, ShutdownError } from "../model/errors.ts";
import { type Index, toIndex } from "../model/numbers.ts";
import type { BetweenTask } from "./applier_options.ts";
import type { CallOptions } from "./calls.ts";
import { watch } from "./_testing/outcome.ts";
import { type ReadLevel, Reads } from "./reads.ts";

/** Reads of a node of which the test says what it knows. */
function create() {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const node = {
    applied: 5,
    committed: 5,
    knowsLeader: true,
    isLeader: false,
    /** Tasks that wait for the state machine; `undefined` while it is free. */
    busy: undefined as BetweenTask[] | undefined,
  };
  const reads = new Reads(
    {
      config: () => completeConfig({ pendingCallsMax: 10 }),
      input: ({ id, level }) => asked.push(`${level} ${id}`),
      stateIndex: () => toIndex(node.applied),
      commitIndex: () => toIndex(node.committed),
      knowsLeader: () => node.knowsLeader,
      isLeader: () => node.isLeader,
      noLeader: () => new NotLeaderError(undefined),
      between: (task) => {
        if (node.busy === undefined) task.run();
        else node.busy.push(task);
      },
    },
    clock,
    100,
  );
  let queries = 0;
  const read = (level: ReadLevel = "linearizable", options: CallOptions = {}) =>
    watch(reads.read(() => `query ${++queries}`, level, options));
  return { clock, reads, asked, node, read };
}

const at = (index: number): Index => toIndex(index);

Deno.test("reads of one turn and one level share a question, and wait until what it names is applied", async () => {
  const { reads, asked, node, read } = create();
  const calls = [read(), read(), read("lease"), read("lease")];
  await settle();
  assertEquals(asked, ["linearizable 100", "lease 101"]);
  const later = read();
  await settle();
  assertEquals(asked.length, 3);
  reads.answered(102, at(8));
  reads.answered(100, at(7));
  reads.answered(101, at(5));
  await settle();
  assertEquals(calls.map(({ value }) => value?.response), [
    undefined,
    undefined,
    "query 1",
    "query 2",
  ]);
  node.applied = 7;
  reads.applied(at(7));
  await settle();
  assertEquals(calls[0]!.value, { index: at(7), response: "query 3" });
  assertEquals([calls[1]!.summary, later.summary], ["resolved", "open"]);
  node.applied = 9;
  reads.applied(at(9));
  await settle();
  assertEquals([later.value, reads.pending], [{ index: at(9), response: "query 5" }, 0]);
});

Deno.test("a local read asks nobody", async () => {
  const { asked, node, read } = create();
  node.knowsLeader = false;
  const call = read("local");
  await settle();
  assertEquals([call.value, asked], [{ index: at(5), response: "query 1" }, []]);
});

Deno.test("no read happens while something is done with the state machine", async () => {
  const { reads, node, read } = create();
  node.busy = [];
  const calls = [read("local"), read(), read("local", { timeoutMs: 10 })];
  await settle();
  reads.answered(100, at(5));
  await settle();
  assertEquals(calls.map(({ summary }) => summary), Array(3).fill("open"));
  node.applied = 6;
  for (const task of node.busy) task.run();
  await settle();
  assertEquals(calls.map(({ value }) => value?.index), Array(3).fill(at(6)));
});

Deno.test("a read ends once: by its answer, its deadline, its signal, or what its query throws", async () => {
  const { clock, reads, node, read } = create();
  const controller = new AbortController();
  const short = read("linearizable", { timeoutMs: 10 });
  const aborted = read("linearizable", { signal: controller.signal });
  const endless = read("linearizable", { timeoutMs: Infinity });
  const thrown = new Error("no such key");
  const throwing = watch(reads.read(
    () => {
      throw thrown;
    },
    "linearizable",
    {},
  ));
  await settle();
  controller.abort("enough");
  await clock.advance(10);
  assertEquals([short, aborted, endless, throwing].map(({ summary }) => summary), [
    "commit-timeout/not-written",
    "aborted/not-written",
    "open",
    "open",
  ]);
  reads.answered(100, at(5));
  reads.answered(100, at(5)); // a message may be repeated
  await settle();
  assertEquals(endless.value?.response, "query 1");
  assertStrictEquals(throwing.error, thrown);
  assertEquals(reads.pending, 0);
  void node;
});

Deno.test("a read that is given up while it waits for the state machine is not done", async () => {
  const { clock, reads, node, read } = create();
  node.busy = [];
  const call = read("linearizable", { timeoutMs: 10 });
  await settle();
  reads.answered(100, at(5));
  await clock.advance(10);
  for (const task of node.busy) task.run();
  const next = read("local");
  for (const task of node.busy.splice(0)) task.run();
  await settle();
  assertEquals([call.summary, next.value?.response], ["commit-timeout/not-written", "query 1"]);
});

Deno.test("a question that may be lost is repeated under its name, and any answer to it will do", async () => {
  const { clock, reads, asked, read } = create();
  const call = read();
  await clock.advance(3500);
  assertEquals(asked, [
    "linearizable 100",
    "linearizable 100",
    "linearizable 100",
    "linearizable 100",
  ]);
  reads.answered(100, at(5));
  await settle();
  assertEquals(call.summary, "resolved");
  await clock.advance(5000);
  assertEquals([asked.length, clock.nextTimerAtMs], [4, Infinity], "nothing is left to repeat");
});

Deno.test("a leader's own question cannot be lost", async () => {
  const { clock, asked, node, read } = create();
  node.isLeader = true;
  const call = read();
  await clock.advance(5000);
  assertEquals([asked.length, call.summary], [1, "open"]);
});

Deno.test("nobody asks again for readers who have given up", async () => {
  const { clock, asked, read } = create();
  read("linearizable", { timeoutMs: 10 });
  await clock.advance(5000);
  assertEquals([asked.length, clock.nextTimerAtMs], [1, Infinity]);
});

Deno.test("another leader is asked at once; without one, a read waits two election timeouts for one", async () => {
  const { clock, reads, asked, node, read } = create();
  const calls = [read()];
  await settle();
  node.knowsLeader = false;
  reads.answered(100, undefined); // the old leader leads no longer
  reads.leaderChanged();
  await settle();
  assertEquals([asked.length, calls[0]!.summary], [1, "open"]);
  await clock.advance(2500);
  node.knowsLeader = true;
  reads.leaderChanged();
  assertEquals(asked.length, 2);
  reads.answered(100, at(5));
  await settle();
  assertEquals(calls[0]!.summary, "resolved");

  const lost = read();
  await settle();
  node.knowsLeader = false;
  reads.leaderChanged();
  await clock.waitFor("it gives up", 5000, () => lost.settled);
  assertInstanceOf(lost.error, NotLeaderError);
});

Deno.test("a read that begins where nobody is known to lead is told so at once", async () => {
  const { clock, reads, node, read } = create();
  node.knowsLeader = false;
  const call = read();
  await settle();
  reads.answered(100, undefined); // the consensus says so in the same step
  await settle();
  assertEquals([call.summary, reads.pending], ["not-leader/not-written", 0]);
  await clock.advance(5000);
  assertEquals(clock.nextTimerAtMs, Infinity);
});

Deno.test("B77: more open reads than pendingCallsMax are refused at once, until some are answered", async () => {
  const { reads, read } = create();
  const open = Array.from({ length: 10 }, () => read());
  const refused = [read(), read("local")];
  await settle();
  for (const { error } of refused) {
    assertInstanceOf(error, OverloadedError);
    assertEquals([error.field, error.outcome], ["pendingCallsMax", "not-written"]);
  }
  reads.answered(100, at(5));
  await settle();
  assertEquals(open.every(({ summary }) => summary === "resolved"), true);
  const next = read("local");
  await settle();
  assertEquals(next.summary, "resolved");
});

Deno.test("B78: at the end every read is told, whatever it waits for", async () => {
  const { clock, reads, node, read } = create();
  const waiting = read();
  await settle();
  reads.answered(100, at(9));
  const asked = read();
  await settle();
  const gathering = read("linearizable", { timeoutMs: 5000 });
  const error = new ShutdownError("not-written");
  reads.fail(error);
  await settle();
  for (const call of [waiting, asked, gathering]) assertStrictEquals(call.error, error);
  node.applied = 9;
  reads.applied(at(9));
  reads.leaderChanged();
  await clock.advance(1000);
  assertEquals([reads.pending, clock.nextTimerAtMs], [0, Infinity]);
});

Deno.test("options that cannot be are refused before anything is asked", async () => {
  const { asked, read } = create();
  const calls = [
    read("linearizable", { timeoutMs: -1 }),
    read("local", { signal: AbortSignal.abort("no") }),
  ];
  await settle();
  assertEquals(calls.map(({ summary }) => summary), [
    "invalid-config/not-written",
    "aborted/not-written",
  ]);
  assertEquals(asked, []);
});
