/**
 * How calls end when a server closes.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { ShutdownError } from "@coracle/core";
import { OpenCalls } from "./open_calls.ts";

Deno.test("calls under way end, further ones are refused, and nothing was written", async () => {
  const calls = new OpenCalls();
  const call = Promise.withResolvers<string>();
  const answer = calls.run(() => call.promise);
  let closed = false;
  const closing = calls.close(60_000).then(() => closed = true);
  const refusal = await assertRejects(() => calls.run(() => Promise.resolve("")), ShutdownError);
  assertEquals(refusal.outcome, "not-written");
  assertEquals(closed, false);
  call.resolve("done");
  assertEquals(await answer, "done");
  await closing;
});

Deno.test("a call that does not end is not waited for too long", async () => {
  const calls = new OpenCalls();
  const call = Promise.withResolvers<void>();
  const answer = calls.run(() => call.promise);
  await calls.close(1);
  call.resolve();
  await answer;
});

Deno.test("a call that fails has ended, too", async () => {
  const calls = new OpenCalls();
  await assertRejects(() => calls.run(() => Promise.reject(new RangeError("no"))), RangeError);
  await calls.close(60_000);
});
