/**
 * Questions whether this node leads: which of them share a round, and that each is answered.
 *
 * @module
 */
import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { settle, VirtualClock } from "@coracle/testing";
import {
  AbortedError,
  CommitTimeoutError,
  InvalidConfigError,
  LeadershipLostError,
  OverloadedError,
  ShutdownError,
} from "../model/errors.ts";
import { Questions } from "./questions.ts";

/** Questions whose rounds are recorded and answered by the test. */
function create() {
  const clock = new VirtualClock();
  const rounds: number[] = [];
  const questions = new Questions({
    input: ({ id }) => rounds.push(id),
    config: () => ({ pendingCallsMax: 10 }),
  }, clock);
  return { clock, rounds, questions };
}

/** How `promise` ended: `"yes"`, or its error. */
function answerOf(promise: Promise<void>): Promise<unknown> {
  return promise.then(() => "yes", (error) => error);
}

Deno.test("questions of one turn share a round, those of the next have their own", async () => {
  const { rounds, questions } = create();
  const first = [questions.ask({}), questions.ask({})].map(answerOf);
  assertEquals(rounds, []);
  await settle();
  assertEquals(rounds, [1]);
  const second = answerOf(questions.ask({}));
  await settle();
  assertEquals(rounds, [1, 2]);
  questions.answered(1, true);
  assertEquals(await Promise.all(first), ["yes", "yes"]);
  questions.answered(2, false);
  const error = await second;
  assertInstanceOf(error, LeadershipLostError);
  assertEquals(error.outcome, "not-written");
});

Deno.test("an answer that comes at once is not lost", async () => {
  const questions: Questions = new Questions({
    input: ({ id }) => questions.answered(id, true),
    config: () => ({ pendingCallsMax: 10 }),
  }, new VirtualClock());
  assertEquals(await answerOf(questions.ask({})), "yes");
});

Deno.test("a question has a deadline of its own, and its timer goes with it", async () => {
  const { clock, questions } = create();
  const [short, long, endless] = [10, 20, Infinity].map((timeoutMs) =>
    answerOf(questions.ask({ timeoutMs }))
  );
  await clock.advance(10);
  const error = await short;
  assertInstanceOf(error, CommitTimeoutError);
  assertEquals([error.outcome, error.message], ["not-written", "timed out after 10 ms"]);
  assertEquals(clock.nextTimerAtMs, 20);
  questions.answered(1, true);
  assertEquals(await Promise.all([long, endless]), ["yes", "yes"]);
  assertEquals(clock.nextTimerAtMs, Infinity);
});

Deno.test("a signal ends a question, before its round and during it", async () => {
  const { rounds, questions } = create();
  const controllers = [new AbortController(), new AbortController()];
  const [before, during] = controllers.map(({ signal }) => answerOf(questions.ask({ signal })));
  const other = answerOf(questions.ask({}));
  controllers[0]!.abort("enough");
  await settle();
  controllers[1]!.abort("enough");
  for (const error of await Promise.all([before, during])) {
    assertInstanceOf(error, AbortedError);
    assertEquals([error.outcome, error.cause], ["not-written", "enough"]);
  }
  questions.answered(rounds[0]!, true);
  assertEquals(await other, "yes");
});

Deno.test("a question that nobody asks any more costs no round", async () => {
  const { rounds, questions } = create();
  const controller = new AbortController();
  const answer = answerOf(questions.ask({ signal: controller.signal }));
  controller.abort();
  assertInstanceOf(await answer, AbortedError);
  await settle();
  assertEquals(rounds, []);
});

Deno.test("options that cannot be are refused, and ask nothing", async () => {
  const { rounds, questions } = create();
  assertInstanceOf(await answerOf(questions.ask({ timeoutMs: -1 })), InvalidConfigError);
  assertInstanceOf(await answerOf(questions.ask({ signal: AbortSignal.abort() })), AbortedError);
  await settle();
  assertEquals(rounds, []);
});

Deno.test("B71: at the end every question ends, gathered or on its way", async () => {
  const { clock, rounds, questions } = create();
  const onItsWay = answerOf(questions.ask({ timeoutMs: 10 }));
  await settle();
  const gathered = answerOf(questions.ask({ timeoutMs: 10 }));
  const error = new ShutdownError("not-written");
  questions.fail(error);
  assertStrictEquals(await onItsWay, error);
  assertStrictEquals(await gathered, error);
  await settle();
  assertEquals(rounds, [1], "what was gathered is not asked any more");
  assertEquals(clock.nextTimerAtMs, Infinity);
  questions.answered(1, true);
});

Deno.test("B77: more open questions than pendingCallsMax are refused at once, until some are answered", async () => {
  const { clock, questions } = create();
  const open = Array.from(
    { length: 10 },
    (_, at) => answerOf(questions.ask({ timeoutMs: 10 + at })),
  );
  const error = await answerOf(questions.ask({}));
  assertInstanceOf(error, OverloadedError);
  assertEquals([error.field, error.limit, error.outcome], ["pendingCallsMax", 10, "not-written"]);
  await clock.advance(10);
  assertInstanceOf(await open[0], CommitTimeoutError);
  const again = answerOf(questions.ask({}));
  await settle();
  assertInstanceOf(await answerOf(questions.ask({})), OverloadedError);
  for (const id of [1, 2]) questions.answered(id, true);
  assertEquals(await again, "yes");
  assertEquals(await Promise.all(open.slice(1)), Array(9).fill("yes"));
});
