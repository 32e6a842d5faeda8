/**
 * What ends a call early, and that nothing is left of it.
 *
 * @module
 */
import { assertEquals, assertInstanceOf } from "@std/assert";
import { VirtualClock } from "@coracle/testing";
import { AbortedError, CommitTimeoutError, type Outcome, type RaftError } from "../model/errors.ts";
import { endEarly } from "./endings.ts";

Deno.test("a deadline ends a call with what has become of it by then", async () => {
  const clock = new VirtualClock();
  const errors: RaftError[] = [];
  let outcome: Outcome = "not-written";
  endEarly({ timeoutMs: 10 }, clock, () => outcome, (error) => errors.push(error));
  await clock.advance(9);
  assertEquals(errors, []);
  outcome = "unknown";
  await clock.advance(1);
  assertInstanceOf(errors[0], CommitTimeoutError);
  assertEquals([errors.length, errors[0].outcome], [1, "unknown"]);
});

Deno.test("a signal ends a call with its reason", () => {
  const controller = new AbortController();
  const errors: RaftError[] = [];
  const { signal } = controller;
  endEarly({ signal }, new VirtualClock(), () => "failed", (error) => errors.push(error));
  controller.abort("enough");
  assertInstanceOf(errors[0], AbortedError);
  assertEquals([errors.length, errors[0].outcome, errors[0].cause], [1, "failed", "enough"]);
});

Deno.test("what is called off neither ends nor costs anything", async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const end = () => {
    throw new Error("it was called off");
  };
  const options = { timeoutMs: 10, signal: controller.signal };
  endEarly(options, clock, () => "unknown", end)();
  assertEquals(clock.nextTimerAtMs, Infinity);
  controller.abort();
  await clock.advance(20);
});

Deno.test("without a limit there is no timer", () => {
  const clock = new VirtualClock();
  for (const options of [{}, { timeoutMs: Infinity }]) {
    endEarly(options, clock, () => "unknown", () => {});
  }
  assertEquals(clock.nextTimerAtMs, Infinity);
});
