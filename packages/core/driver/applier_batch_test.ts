/**
 * The applier with a state machine that takes several commands at once.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { type LogImage, settle } from "@coracle/testing";
import type { Entry, EntryType } from "../model/entry.ts";
import { FsmFailedError } from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import type { Fsm } from "../ports/fsm.ts";
import { applierOptions, logOf, STOPPED } from "./_testing/applying.ts";
import { Applier } from "./applier.ts";

type ApplyBatch = NonNullable<Fsm["applyBatch"]>;

/** An applier over `log`, and a record of the batches and what was reported. */
function create(log: LogImage, applyBatch: ApplyBatch) {
  const batches: number[][] = [];
  const reported: [number, unknown][] = [];
  const failures: unknown[] = [];
  const fsm: Fsm = {
    apply: () => {
      throw new Error("where there is applyBatch, apply is not called");
    },
    applyBatch: (entries) => {
      batches.push(entries.map(({ index }) => index));
      return applyBatch(entries);
    },
  };
  const applier = new Applier(applierOptions(fsm, log, {
    applied: (index, response) => void reported.push([index, response]),
    applyFailed: (error) => void failures.push(error),
  }));
  return { applier, batches, reported, failures };
}

/** Answers each command with its index. */
const answerAll: ApplyBatch = (entries) => entries.map(({ index }) => `r${index}`);

Deno.test("commands that are committed together are one batch, and each gets its own answer", () => {
  const { applier, batches, reported } = create(logOf(9), answerAll);
  applier.advance(toIndex(3));
  applier.advance(toIndex(4));
  assertEquals(batches, [[1, 2, 3], [4]]);
  assertEquals(reported, [[1, "r1"], [2, "r2"], [3, "r3"], [4, "r4"]]);
  assertEquals(applier.appliedIndex, 4);
});

Deno.test("what is no command divides batches, and is reported at its place", () => {
  const types: EntryType[] = ["command", "command", "configuration", "command", "noop", "barrier"];
  const log = logOf(7, (index) => types[index - 1] ?? "command");
  const { applier, batches, reported } = create(log, answerAll);
  applier.advance(toIndex(7));
  assertEquals(batches, [[1, 2], [4], [7]]);
  assertEquals(reported.map(([, response]) => response), [
    "r1",
    "r2",
    undefined,
    "r4",
    undefined,
    undefined,
    "r7",
  ]);
  assertEquals(applier.appliedPoint.configuration.index, 3);
});

Deno.test("a batch has at most 1024 commands", () => {
  const { applier, batches } = create(logOf(2500), answerAll);
  applier.advance(toIndex(2500));
  assertEquals(batches.map(({ length }) => length), [1024, 1024, 452]);
  assertEquals(batches.flat(), Array.from({ length: 2500 }, (_, at) => at + 1));
});

Deno.test("a batch is waited for, and what is committed meanwhile is the next one", async () => {
  const gate = Promise.withResolvers<void>();
  const { applier, batches, reported } = create(logOf(9), async (entries) => {
    await gate.promise;
    return answerAll(entries);
  });
  applier.advance(toIndex(2));
  applier.advance(toIndex(5));
  applier.advance(toIndex(9));
  await settle();
  assertEquals([batches, reported, applier.appliedIndex as number], [[[1, 2]], [], 0]);
  gate.resolve();
  await settle();
  assertEquals(batches, [[1, 2], [3, 4, 5, 6, 7, 8, 9]]);
  assertEquals(reported.length, 9);
});

for (
  const [how, applyBatch, problem] of [
    ["too few", (entries) => entries.slice(1), "applyBatch gave 2 responses to 3 commands"],
    ["too many", (entries) => [...entries, 0], "applyBatch gave 4 responses to 3 commands"],
    [
      "no list of",
      () => undefined as unknown as unknown[],
      "applyBatch gave no list of responses to 3 commands",
    ],
    [
      "too few promised",
      (entries) => Promise.resolve(entries.slice(2)),
      "applyBatch gave 1 responses to 3 commands",
    ],
  ] as [string, ApplyBatch, string][]
) {
  Deno.test(`${how} responses stop the node: nobody knows whose they are`, async () => {
    const { applier, batches, reported, failures } = create(logOf(9), applyBatch);
    applier.advance(toIndex(3));
    await settle();
    const [error] = failures;
    assertInstanceOf(error, FsmFailedError);
    assertEquals([error.index, (error.cause as Error).message], [toIndex(1), problem]);
    applier.advance(toIndex(9));
    await settle();
    assertEquals([batches.length, reported, failures.length], [1, [], 1]);
  });
}

for (const how of ["throws", "rejects"] as const) {
  Deno.test(`B72: a batch that ${how} stops the node, with the index of its first command`, async () => {
    const thrown = new Error("out of memory");
    const fail = (): Promise<unknown[]> => {
      if (how === "throws") throw thrown;
      return Promise.reject(thrown);
    };
    const { applier, reported, failures } = create(
      logOf(5),
      (entries) => entries[0]!.index === 3 ? fail() : answerAll(entries),
    );
    applier.advance(toIndex(2));
    applier.advance(toIndex(5));
    await settle();
    const [error] = failures;
    assertInstanceOf(error, FsmFailedError);
    assertEquals(error.index, toIndex(3));
    assertStrictEquals(error.cause, thrown);
    assertEquals(reported.length, 2);
  });
}

Deno.test("B78: stop waits for the batch under way, and reports nothing of it", async () => {
  const gate = Promise.withResolvers<void>();
  const { applier, reported } = create(logOf(3), async (entries) => {
    await gate.promise;
    return answerAll(entries);
  });
  applier.advance(toIndex(3));
  let isStopped = false;
  const stop = applier.stop(STOPPED).then(() => isStopped = true);
  await settle();
  assertEquals(isStopped, false);
  gate.resolve();
  await stop;
  assertEquals(reported, []);
});

Deno.test("a backlog of batches lets timers and messages have their turn", async () => {
  let nowMs = 0;
  const timers: (() => void)[] = [];
  const seen: Entry[] = [];
  const fsm: Fsm = {
    apply: () => {},
    applyBatch: (entries) => {
      nowMs += 6;
      seen.push(...entries);
      return entries;
    },
  };
  const applier = new Applier({
    ...applierOptions(fsm, logOf(6000)),
    clock: {
      now: () => nowMs,
      wallTime: () => 0,
      setTimer: (_, callback) => {
        timers.push(callback);
        return () => {};
      },
    },
  });
  applier.advance(toIndex(6000));
  assertEquals(seen.length, 2048, "two batches take longer than a turn");
  let turns = 1;
  for (; timers.length > 0; turns += 1) {
    timers.shift()!();
    await settle();
  }
  assertEquals([seen.length, turns], [6000, 3]);
  assert(seen.every(({ index }, at) => index === at + 1));
});
