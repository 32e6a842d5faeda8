/**
 * What this workspace relies on in `@std/async`. Holds for the stand-in and, under
 * `deno task test:jsr`, for the real package.
 *
 * @module
 */

import { assertEquals, assertGreaterOrEqual, assertRejects, assertStrictEquals } from "@std/assert";
import { abortable, deadline, delay } from "@std/async";

Deno.test("delay resolves after its time and not before", async () => {
  const start = performance.now();
  await delay(20);
  // Timers count whole milliseconds, so one may seem to come up to one early.
  assertGreaterOrEqual(performance.now() - start, 19);
});

Deno.test("delay rejects with the reason of a signal that is aborted meanwhile", async () => {
  const controller = new AbortController();
  const reason = new RangeError("shut down");
  const delayed = delay(60_000, { signal: controller.signal });
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => delayed), reason);
});

Deno.test("delay rejects at once when the signal was aborted before", async () => {
  const error = await assertRejects(
    () => delay(60_000, { signal: AbortSignal.abort() }),
    DOMException,
  );
  assertEquals(error.name, "AbortError");
});

Deno.test("delay leaves nothing on a signal that outlives it", async () => {
  const controller = new AbortController();
  await delay(0, { signal: controller.signal });
  controller.abort();
});

Deno.test("deadline passes on what comes in time and clears its timer", async () => {
  assertEquals(await deadline(Promise.resolve("leader"), 60_000), "leader");
  await assertRejects(
    () => deadline(Promise.reject(new RangeError("no leader")), 60_000),
    RangeError,
    "no leader",
  );
});

Deno.test("deadline rejects with a TimeoutError when time is up", async () => {
  const never = Promise.withResolvers<void>().promise;
  const error = await assertRejects(() => deadline(never, 1), DOMException);
  assertEquals(error.name, "TimeoutError");
});

Deno.test("deadline rejects with the reason of an aborted signal", async () => {
  const never = Promise.withResolvers<void>().promise;
  const controller = new AbortController();
  const waiting = deadline(never, 60_000, { signal: controller.signal });
  const reason = new RangeError("shut down");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => waiting), reason);
});

Deno.test("abortable settles as the promise does unless the signal is aborted first", async () => {
  const controller = new AbortController();
  assertEquals(await abortable(Promise.resolve(5), controller.signal), 5);
  const never = Promise.withResolvers<void>().promise;
  const waiting = abortable(never, controller.signal);
  const reason = new RangeError("shut down");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => waiting), reason);
});
