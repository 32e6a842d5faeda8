/**
 * Tokens: given out, asked for again, forgotten, and never too many.
 *
 * @module
 */
import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { OverloadedError } from "@coracle/core";
import { status } from "@grpc/grpc-js";
import { Operations, OPERATIONS_MAX } from "./operations.ts";
import { CallError } from "./status.ts";

const { signal } = new AbortController();

Deno.test("a result can be asked for again, until it is forgotten", async () => {
  const operations = new Operations();
  const token = operations.begin(() => Promise.resolve(7));
  assertMatch(token, /^[0-9a-f]{40}$/);
  for (let time = 0; time < 2; time += 1) {
    assertEquals(await operations.result(token, signal), { ok: true, index: 7 });
  }
  operations.forget(token);
  const error = await assertRejects(() => operations.result(token, signal), CallError);
  assertEquals([error.grpcStatus, error.message], [status.UNKNOWN, `token "${token}" unknown`]);
  operations.forget(token);
});

Deno.test("failures are results, also those that come at once", async () => {
  const operations = new Operations();
  const error = new RangeError("no");
  const rejected = operations.begin(() => Promise.reject(error));
  const thrown = operations.begin(() => {
    throw error;
  });
  assertEquals(await operations.result(rejected, signal), { ok: false, error });
  assertEquals(await operations.result(thrown, signal), { ok: false, error });
});

Deno.test("who gives up waiting ends nothing", async () => {
  const operations = new Operations();
  const end = Promise.withResolvers<void>();
  const token = operations.begin(() => end.promise);
  const patience = new AbortController();
  const reason = new RangeError("no time");
  const waiting = assertRejects(() => operations.result(token, patience.signal), RangeError);
  patience.abort(reason);
  assertEquals(await waiting, reason);
  end.resolve();
  assertEquals(await operations.result(token, signal), { ok: true, index: undefined });
});

Deno.test("at the bound the oldest that has ended is forgotten, or else no further one begun", async () => {
  const operations = new Operations(2);
  const end = Promise.withResolvers<void>();
  const pending = operations.begin(() => end.promise);
  const ended = operations.begin(() => Promise.resolve(1));
  await operations.result(ended, signal);
  const third = operations.begin(() => end.promise);
  await assertRejects(() => operations.result(ended, signal), CallError);
  let begun = false;
  const refusal = assertThrows(
    () => operations.begin(() => Promise.resolve(void (begun = true))),
    OverloadedError,
  );
  assertEquals([refusal.message, begun], ["the limit operationsMax of 2 is reached", false]);
  end.resolve();
  for (const token of [pending, third]) {
    assertEquals(await operations.result(token, signal), { ok: true, index: undefined });
  }
  operations.begin(() => Promise.resolve(2));
  await assertRejects(() => operations.result(pending, signal), CallError);
});

Deno.test("it can be waited for that a token is forgotten, by its owner or at the bound", async () => {
  const operations = new Operations(1);
  const first = operations.begin(() => Promise.resolve(1));
  const forgotten = operations.forgotten(first);
  await operations.result(first, signal);
  const second = operations.begin(() => Promise.resolve(2));
  await forgotten;
  operations.forget(second);
  await operations.forgotten(second);
});

Deno.test("the bound is the one that docs/limits.md gives", async () => {
  const text = await Deno.readTextFile(new URL("../../../docs/limits.md", import.meta.url));
  assertEquals(Number(/\| `operationsMax` +\| (\d+)/.exec(text)?.[1]), OPERATIONS_MAX);
});
