/**
 * Calls, one ending at a time. calls_property_test.ts mixes the endings at random.
 *
 * @module
 */
import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { NO_BYTES } from "../model/entry.ts";
import {
  AbortedError,
  CommitTimeoutError,
  EnqueueTimeoutError,
  InvalidConfigError,
  LeadershipLostError,
  NotLeaderError,
  OverloadedError,
  ShutdownError,
} from "../model/errors.ts";
import { type Index, toIndex } from "../model/numbers.ts";
import { callProblem } from "../ports/given.ts";
import { type Applied, type Call, Calls } from "./calls.ts";

/** A call, and everything that its caller was ever told. */
interface Caller {
  readonly call: Call;
  readonly answers: (Applied<unknown> | Error)[];
}

function caller(timeoutMs?: number): Caller {
  const answers: Caller["answers"] = [];
  const call: Call = {
    proposal: { type: "command", data: NO_BYTES, extensions: NO_BYTES },
    resolve: (applied) => answers.push(applied),
    reject: (error) => answers.push(error as Error),
    timeoutMs,
    deadlineMs: timeoutMs ?? Infinity,
    settled: false,
    isRestore: false,
    unlisten: undefined,
  };
  return { call, answers };
}

/** `count` callers whose entries have been appended from `firstIndex` on. */
function appended(calls: Calls, firstIndex: number, count: number, timeoutMs?: number): Caller[] {
  const callers = Array.from({ length: count }, () => caller(timeoutMs));
  for (const { call } of callers) calls.add(call, undefined);
  calls.appended(toIndex(firstIndex), calls.takeWaiting(0));
  return callers;
}

/** A signal that counts who listens to it. */
function countedSignal(): { signal: AbortSignal; abort(reason: unknown): void; listeners: number } {
  const controller = new AbortController();
  const { signal } = controller;
  const counted = { signal, abort: (reason: unknown) => controller.abort(reason), listeners: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    counted.listeners += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    counted.listeners -= 1;
    removeEventListener.apply(signal, args);
  };
  return counted;
}

const NONE = 0 as Index;

Deno.test("a call gets the index and the response of its own entry", () => {
  const calls = new Calls();
  const [a, b] = appended(calls, 7, 2);
  calls.applied(toIndex(6), "somebody else's");
  assertEquals([...a!.answers, ...b!.answers], []);
  calls.applied(toIndex(7), "first");
  calls.applied(toIndex(8), "second");
  calls.applied(toIndex(9), "somebody else's");
  assertEquals(a!.answers, [{ index: toIndex(7), response: "first" }]);
  assertEquals(b!.answers, [{ index: toIndex(8), response: "second" }]);
  assertEquals(calls.pending, 0);
});

Deno.test("entries between two batches, such as a new leader's first, belong to nobody", () => {
  const calls = new Calls();
  const [a] = appended(calls, 2, 1);
  const [b] = appended(calls, 5, 1);
  for (const index of [1, 2, 3, 4, 5]) calls.applied(toIndex(index), index);
  assertEquals(a!.answers, [{ index: toIndex(2), response: 2 }]);
  assertEquals(b!.answers, [{ index: toIndex(5), response: 5 }]);
});

Deno.test("a deadline before the entry is appended: nothing was written", () => {
  const calls = new Calls();
  const one = caller(10);
  calls.add(one.call, undefined);
  assertEquals(calls.nextDeadlineMs, 10);
  calls.expire(9);
  assertEquals(one.answers, []);
  calls.expire(10);
  const [error] = one.answers;
  assertInstanceOf(error, EnqueueTimeoutError);
  assertEquals([error.code, error.outcome], ["enqueue-timeout", "not-written"]);
  assertEquals(calls.takeWaiting(0), []);
  assertEquals([calls.pending, calls.nextDeadlineMs], [0, Infinity]);
});

Deno.test("a deadline after the entry is appended: it may be applied, and nobody is told", () => {
  const calls = new Calls();
  const [one] = appended(calls, 1, 1, 10);
  calls.expire(10);
  const [error] = one!.answers;
  assertInstanceOf(error, CommitTimeoutError);
  assertEquals([error.code, error.outcome], ["commit-timeout", "unknown"]);
  assertEquals(calls.pending, 1, "its entry still takes memory");
  calls.applied(toIndex(1), "late");
  assertEquals(one!.answers.length, 1);
  assertEquals(calls.pending, 0);
});

Deno.test("only calls whose time is over expire, and the next deadline is that of the others", () => {
  const calls = new Calls();
  const [inTheLog] = appended(calls, 1, 1, 20);
  const [later, soon, never] = [caller(30), caller(10), caller()];
  for (const { call } of [later, soon, never]) calls.add(call, undefined);
  assertEquals(calls.nextDeadlineMs, 10);
  calls.expire(10);
  assertEquals(calls.nextDeadlineMs, 20);
  calls.expire(20);
  assertEquals(calls.nextDeadlineMs, 30);
  assertEquals(
    [soon, later, never, inTheLog!].map(({ answers }) => answers.length),
    [1, 0, 0, 1],
  );
});

Deno.test("the caller's signal before the entry is appended: nothing was written", () => {
  const calls = new Calls();
  const one = caller();
  const counted = countedSignal();
  calls.add(one.call, counted.signal);
  assertEquals(counted.listeners, 1);
  counted.abort("changed my mind");
  const [error] = one.answers;
  assertInstanceOf(error, AbortedError);
  assertEquals([error.outcome, error.cause], ["not-written", "changed my mind"]);
  assertEquals(counted.listeners, 0);
  assertEquals(calls.pending, 1);
  assertEquals(calls.takeWaiting(0), [], "it is not appended after all");
  assertEquals(calls.pending, 0);
});

Deno.test("the caller's signal after the entry is appended: it may be applied", () => {
  const calls = new Calls();
  const one = caller();
  const counted = countedSignal();
  calls.add(one.call, counted.signal);
  calls.appended(toIndex(1), calls.takeWaiting(0));
  counted.abort("changed my mind");
  const [error] = one.answers;
  assertInstanceOf(error, AbortedError);
  assertEquals(error.outcome, "unknown");
  calls.applied(toIndex(1), "late");
  calls.failAppended(new ShutdownError("unknown"), NONE);
  assertEquals(one.answers.length, 1);
});

for (
  const [ending, end] of [
    ["is applied", (calls: Calls) => {
      calls.appended(toIndex(1), calls.takeWaiting(0));
      calls.applied(toIndex(1), "done");
    }],
    [
      "is refused",
      (calls: Calls) => calls.refused(calls.takeWaiting(0), new NotLeaderError(undefined)),
    ],
    ["waits at the end", (calls: Calls) => calls.failWaiting(new ShutdownError("not-written"))],
    ["is lost with leadership", (calls: Calls) => {
      calls.appended(toIndex(1), calls.takeWaiting(0));
      calls.failAppended(new LeadershipLostError(), NONE);
    }],
    ["expires", (calls: Calls) => calls.expire(1000)],
  ] as const
) {
  Deno.test(`nothing listens to the caller's signal any more when the call ${ending}`, () => {
    const calls = new Calls();
    const one = caller(1000);
    const counted = countedSignal();
    calls.add(one.call, counted.signal);
    end(calls);
    assertEquals(counted.listeners, 0);
    counted.abort("too late");
    assertEquals(one.answers.length, 1);
    assertEquals(calls.pending, 0);
  });
}

Deno.test("a batch that is accepted in part: the rest hears why", () => {
  const calls = new Calls();
  const callers = Array.from({ length: 3 }, () => caller());
  for (const { call } of callers) calls.add(call, undefined);
  const taken = calls.takeWaiting(0);
  calls.appended(toIndex(4), taken.slice(0, 2));
  const refusal = new OverloadedError("uncommittedSizeMaxBytes", 10);
  calls.refused(taken.slice(2), refusal);
  assertEquals(callers.map(({ answers }) => answers.length), [0, 0, 1]);
  assertStrictEquals(callers[2]!.answers[0], refusal);
  assertEquals(calls.pending, 2);
  calls.applied(toIndex(4), "a");
  calls.applied(toIndex(5), "b");
  assertEquals(callers[1]!.answers, [{ index: toIndex(5), response: "b" }]);
});

Deno.test("lost leadership: what is committed is still answered, what is not is given up", () => {
  const calls = new Calls();
  const first = appended(calls, 1, 3);
  const second = appended(calls, 4, 3);
  calls.applied(toIndex(1), "1");
  const error = new LeadershipLostError();
  calls.failAppended(error, toIndex(2));
  assertEquals(first.map(({ answers }) => answers.length), [1, 0, 1]);
  assertStrictEquals(first[2]!.answers[0], error);
  assertEquals(second.map(({ answers }) => answers[0] === error), [true, true, true]);
  assertEquals(calls.pending, 1);
  calls.applied(toIndex(2), "2");
  assertEquals(first[1]!.answers, [{ index: toIndex(2), response: "2" }]);
  // Another leader's entries take the places of those that were given up.
  for (const index of [3, 4, 5, 6]) calls.applied(toIndex(index), "another's");
  assertEquals(first[2]!.answers.length, 1);
  assertEquals(calls.pending, 0);
});

Deno.test("entries that belong to nobody any more are not given to the calls of a later term", () => {
  const calls = new Calls();
  appended(calls, 2, 5);
  calls.failAppended(new LeadershipLostError(), toIndex(3));
  const [again] = appended(calls, 5, 1);
  for (const index of [2, 3, 4]) calls.applied(toIndex(index), "old");
  assertEquals(again!.answers, []);
  calls.applied(toIndex(5), "new");
  assertEquals(again!.answers, [{ index: toIndex(5), response: "new" }]);
});

Deno.test("the bytes of a command are let go when its entry is in the log", () => {
  const calls = new Calls();
  const [one] = appended(calls, 1, 1);
  assertEquals(one!.call.proposal, undefined);
});

Deno.test("thousands of batches come and go, and each is answered once", () => {
  const calls = new Calls();
  const all: Caller[] = [];
  let applied = 0;
  for (let round = 1; round <= 3000; round += 1) {
    all.push(...appended(calls, all.length + 1, 3));
    // Keeps a backlog, so that batches are dropped from the middle of a long list.
    while (all.length - applied > 1500) calls.applied(toIndex(++applied), applied);
  }
  assertEquals(calls.pending, 1500);
  while (applied < all.length) calls.applied(toIndex(++applied), applied);
  assertEquals(calls.pending, 0);
  const wrong = all.findIndex(({ answers }, at) =>
    answers.length !== 1 || (answers[0] as Applied<number>).response !== at + 1
  );
  assertEquals(wrong, -1);
});

Deno.test("options that cannot be are refused before anything happens", () => {
  for (const timeoutMs of [-1, NaN]) {
    const problem = callProblem({ timeoutMs });
    assertInstanceOf(problem, InvalidConfigError);
    assertEquals(problem.message, `timeoutMs is ${timeoutMs}; allowed is 0 or more milliseconds`);
  }
  const whole = -5n as unknown as number;
  assertEquals(
    callProblem({ timeoutMs: whole })?.message,
    "timeoutMs is -5; allowed is 0 or more milliseconds",
  );
  const aborted = callProblem({ signal: AbortSignal.abort("over") });
  assertInstanceOf(aborted, AbortedError);
  assertEquals([aborted.outcome, aborted.cause], ["not-written", "over"]);
  assertEquals(callProblem({ timeoutMs: 0, signal: new AbortController().signal }), undefined);
  assertEquals(callProblem({ timeoutMs: Infinity }), undefined);
});
