/**
 * Bootstraps: each call hears of its own answer and of its own write.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import { watch } from "./_testing/outcome.ts";
import { Bootstraps } from "./bootstraps.ts";

const REFUSED = new Error("refused");

Deno.test("a call is resolved when its own write is durable", async () => {
  const bootstraps = new Bootstraps();
  const call = watch(bootstraps.ask(() => bootstraps.answered(answer(2), () => REFUSED)));
  bootstraps.persisted(1);
  await settle();
  assertEquals(call.summary, "open");
  bootstraps.persisted(3);
  await settle();
  assertEquals(call.summary, "resolved");
});

Deno.test("answers that come later belong to the calls in their order", async () => {
  const bootstraps = new Bootstraps();
  const calls = [1, 2, 3].map(() => watch(bootstraps.ask(() => {})));
  bootstraps.answered(answer(1), () => REFUSED);
  bootstraps.answered(answer(undefined), () => REFUSED);
  bootstraps.answered(answer(undefined), () => REFUSED);
  bootstraps.persisted(1);
  await settle();
  assertEquals(calls.map(({ summary }) => summary), [
    "resolved",
    "Error: refused",
    "Error: refused",
  ]);
});

Deno.test("B71: at the end every call ends, answered or not", async () => {
  const bootstraps = new Bootstraps();
  const calls = [1, 2].map(() => watch(bootstraps.ask(() => {})));
  bootstraps.answered(answer(1), () => REFUSED);
  const error = new Error("the end");
  bootstraps.fail(error);
  bootstraps.persisted(1);
  await settle();
  for (const call of calls) assertStrictEquals(call.error, error);
});

function answer(after: number | undefined): { type: "bootstrapped"; after: number | undefined } {
  return { type: "bootstrapped", after };
}
