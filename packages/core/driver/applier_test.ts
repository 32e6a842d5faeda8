/**
 * The applier with state machines that answer at once, later, or not at all.
 *
 * @module
 */
import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import type { EntryType } from "../model/entry.ts";
import { FsmFailedError, StorageError } from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import type { LogReader } from "../ports/log_store.ts";
import {
  applierOptions,
  createApplier as create,
  logOf,
  slowAnswers,
  STOPPED,
} from "./_testing/applying.ts";
import { Applier } from "./applier.ts";

Deno.test("commands are applied in order and at once, and never beyond what is committed", () => {
  const { applier, seen, reported } = create(logOf(9), ({ index }) => `r${index}`);
  applier.advance(toIndex(3));
  assertEquals(seen, [1, 2, 3]);
  assertEquals(reported, [[1, "r1"], [2, "r2"], [3, "r3"]]);
  applier.advance(toIndex(5));
  assertEquals(seen, [1, 2, 3, 4, 5]);
  assertEquals(applier.appliedIndex, 5);
});

Deno.test("only commands reach the state machine, all entries are reported", () => {
  const types: EntryType[] = ["configuration", "noop", "command", "barrier"];
  const log = logOf(4, (index) => types[index - 1]!);
  const { applier, seen, reported } = create(log, () => "answer");
  applier.advance(toIndex(4));
  assertEquals(seen, [3]);
  assertEquals(reported, [[1, undefined], [2, undefined], [3, "answer"], [4, undefined]]);
});

Deno.test("a node goes on after what it has applied already", () => {
  const { applier, seen } = create(logOf(5), () => undefined, 3);
  assertEquals(applier.appliedIndex, 3);
  applier.advance(toIndex(5));
  assertEquals(seen, [4, 5]);
});

Deno.test("a promise is waited for before the next command, also among others that answer at once", async () => {
  const { answer, waiting } = slowAnswers();
  const { applier, seen, reported } = create(
    logOf(6),
    (entry) => entry.index % 2 === 0 ? answer(entry) : `r${entry.index}`,
  );
  applier.advance(toIndex(4));
  assertEquals(seen, [1, 2]);
  applier.advance(toIndex(6));
  await settle();
  assertEquals(seen, [1, 2], "more is committed, and still it waits");
  assertEquals(applier.appliedIndex, 1);
  waiting.get(2)!.resolve("slow 2");
  await settle();
  assertEquals(seen, [1, 2, 3, 4]);
  waiting.get(4)!.resolve("slow 4");
  await settle();
  waiting.get(6)!.resolve("slow 6");
  await settle();
  assertEquals(reported, [
    [1, "r1"],
    [2, "slow 2"],
    [3, "r3"],
    [4, "slow 4"],
    [5, "r5"],
    [6, "slow 6"],
  ]);
});

Deno.test("what can be waited for is waited for, also if it is another library's promise", async () => {
  const { answer, waiting } = slowAnswers();
  let asked = 0;
  const { applier, seen, reported } = create(logOf(2), (entry) => ({
    then(...args: Parameters<Promise<unknown>["then"]>) {
      asked += 1;
      return answer(entry).then(...args);
    },
  }));
  applier.advance(toIndex(2));
  await settle();
  assertEquals([asked, seen, reported], [1, [1], []]);
  waiting.get(1)!.resolve("r1");
  await settle();
  waiting.get(2)!.resolve("r2");
  await settle();
  assertEquals([asked, reported], [2, [[1, "r1"], [2, "r2"]]]);
});

for (
  const [how, apply] of [
    ["throws", (error: Error) => {
      throw error;
    }],
    ["rejects", (error: Error) => Promise.reject(error)],
  ] as const
) {
  Deno.test(`B72: a state machine that ${how} is called no more`, async () => {
    const thrown = new Error("divided by zero");
    const { applier, seen, reported, failures } = create(
      logOf(5),
      ({ index }) => index === 3 ? apply(thrown) : index,
    );
    applier.advance(toIndex(4));
    await settle();
    const [error] = failures;
    assertInstanceOf(error, FsmFailedError);
    assertEquals([error.index, error.outcome], [toIndex(3), "unknown"]);
    assertStrictEquals(error.cause, thrown);
    applier.advance(toIndex(5));
    await settle();
    assertEquals([seen, applier.appliedIndex as number], [[1, 2, 3], 2]);
    assertEquals([reported.length, failures.length], [2, 1]);
    await applier.stop(STOPPED);
  });
}

Deno.test("an entry that cannot be read stops the node", () => {
  const damaged = new StorageError("log-1.seg is damaged at byte 100");
  const image = logOf(2);
  const log: LogReader = {
    firstIndex: toIndex(1),
    lastIndex: toIndex(9),
    term: (index) => image.term(index),
    read: (from, maxBytes) => {
      if (from === 2) throw damaged;
      return image.read(from, maxBytes)?.slice(from, from);
    },
  };
  const { applier, seen, failures } = create(log, () => undefined);
  applier.advance(toIndex(2));
  assertEquals(seen, [1]);
  assertStrictEquals(failures[0], damaged);

  const missing = create(logOf(1), () => undefined);
  missing.applier.advance(toIndex(2));
  const [error] = missing.failures;
  assertInstanceOf(error, StorageError);
  assertEquals(error.message, "entry 2 is committed and cannot be read");
});

Deno.test("a report that fails stops the node, at once or after a promise", async () => {
  for (const response of ["now", Promise.resolve("later")]) {
    const failures: unknown[] = [];
    const broken = new Error("a bug");
    const applier = new Applier(applierOptions({ apply: () => response }, logOf(2), {
      applied: () => {
        throw broken;
      },
      applyFailed: (error) => void failures.push(error),
    }));
    applier.advance(toIndex(2));
    await settle();
    assertEquals(failures, [broken]);
    await applier.stop(STOPPED);
  }
});

Deno.test("B17: a long log is read in pieces, each entry once", () => {
  const image = logOf(5000);
  const reads: number[] = [];
  const log: LogReader = {
    firstIndex: image.firstIndex,
    lastIndex: image.lastIndex,
    term: (index) => image.term(index),
    read: (from, maxBytes) => {
      reads.push(from);
      // A store may return less than it is asked for.
      return image.read(from, Math.min(maxBytes, 10_000));
    },
  };
  const { applier, seen } = create(log, () => undefined);
  applier.advance(toIndex(4321));
  assertEquals(seen, Array.from({ length: 4321 }, (_, at) => at + 1));
  assertEquals(reads.length > 10 && reads.length < 100, true, `${reads.length} reads`);
});

for (
  const [how, answer] of [
    ["at once", () => "answer"],
    ["with a promise that is resolved already", () => Promise.resolve("answer")],
  ] as const
) {
  Deno.test(`a backlog lets timers and messages have their turn, when the state machine answers ${how}`, async () => {
    const log = logOf(100);
    let nowMs = 0;
    const timers: (() => void)[] = [];
    const reported: number[] = [];
    const fsm = {
      apply: () => {
        nowMs += 1;
        return answer();
      },
    };
    const applier = new Applier({
      ...applierOptions(fsm, log, { applied: (index) => void reported.push(index) }),
      clock: {
        now: () => nowMs,
        wallTime: () => 0,
        setTimer: (_, callback) => {
          timers.push(callback);
          return () => timers.splice(timers.indexOf(callback), 1);
        },
      },
    });
    applier.advance(toIndex(90));
    await settle();
    let turns = 1;
    for (; timers.length > 0; turns += 1) {
      assertEquals(reported.length <= turns * 32, true, `${reported.length} in ${turns} turns`);
      applier.advance(toIndex(100)); // more is committed meanwhile: it must not overtake
      timers.shift()!();
      await settle();
    }
    assertEquals(reported, Array.from({ length: 100 }, (_, at) => at + 1));
    assertEquals(turns > 3, true, `${turns} turns`);
  });
}

Deno.test("what may be applied later waits for the word, for what may not, or for the messages after the next", async () => {
  const { applier, seen } = create(logOf(9), () => undefined);
  applier.advanceLater(toIndex(1));
  applier.advanceLater(toIndex(2));
  assertEquals([seen, applier.targetIndex], [[], 2]);
  applier.hurry();
  assertEquals(seen, [1, 2]);
  applier.advanceLater(toIndex(3));
  applier.advance(toIndex(4));
  assertEquals(seen, [1, 2, 3, 4]);
  applier.advanceLater(toIndex(5));
  applier.hurryOverdue();
  assertEquals(seen, [1, 2, 3, 4]);
  applier.hurryOverdue();
  assertEquals(seen, [1, 2, 3, 4, 5]);
  applier.advanceLater(toIndex(6));
  await applier.stop(STOPPED);
  applier.hurry();
  assertEquals(seen, [1, 2, 3, 4, 5]);
});

Deno.test("stop between two turns: the next one never comes", async () => {
  let nowMs = 0;
  const fsm = {
    apply: () => {
      nowMs += 10;
    },
  };
  const { clock } = create(logOf(1), () => undefined);
  const applier = new Applier({
    ...applierOptions(fsm, logOf(100)),
    clock: {
      now: () => nowMs,
      wallTime: () => 0,
      setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
    },
  });
  applier.advance(toIndex(100));
  const { appliedIndex } = applier;
  assertEquals([appliedIndex < 100, clock.nextTimerAtMs], [true, 0]);
  await applier.stop(STOPPED);
  assertEquals(clock.nextTimerAtMs, Infinity);
  assertEquals(applier.appliedIndex, appliedIndex);
});

Deno.test("B78: stop waits for the command under way, and reports nothing more", async () => {
  for (const ending of ["resolve", "reject"] as const) {
    const { answer, waiting } = slowAnswers();
    const { applier, seen, reported, failures } = create(logOf(3), answer);
    applier.advance(toIndex(3));
    let stopped = false;
    const stop = applier.stop(STOPPED).then(() => stopped = true);
    await settle();
    assertEquals(stopped, false);
    waiting.get(1)![ending](new Error("as the case may be"));
    await stop;
    assertEquals([seen, reported, failures], [[1], [], []]);
    applier.advance(toIndex(3));
    assertEquals(seen, [1]);
  }
});

Deno.test("a state machine that leads back into the applier does not upset the order", () => {
  const created = create(logOf(4), ({ index }) => {
    created.applier.advance(toIndex(4));
    return index;
  });
  created.applier.advance(toIndex(1));
  assertEquals(created.seen, [1, 2, 3, 4]);
  assertEquals(created.reported.map(([index]) => index), [1, 2, 3, 4]);
});
