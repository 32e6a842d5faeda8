/**
 * Many deadlines on one timer.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { VirtualClock } from "@coracle/testing";
import { Deadlines, realClock } from "./deadlines.ts";

/** Deadlines on a virtual clock that counts timers. */
function start() {
  const virtual = new VirtualClock();
  let timers = 0;
  const deadlines = new Deadlines({
    now: () => virtual.now(),
    setTimer(delayMs, callback) {
      timers += 1;
      return virtual.setTimer(delayMs, callback);
    },
  });
  const passed: string[] = [];
  const add = (atMs: number, name = `${atMs}`) => {
    const deadline = { atMs, passed: () => passed.push(`${name} at ${virtual.now()}`) };
    deadlines.add(deadline);
    return deadline;
  };
  return { virtual, deadlines, passed, add, timers: () => timers };
}

Deno.test("each deadline passes once, in its time, whatever the order in which they came", async () => {
  const { virtual, passed, add } = start();
  for (const atMs of [30, 10, 20, 10, Infinity]) add(atMs);
  await virtual.advance(9);
  assertEquals(passed, []);
  await virtual.advance(1000);
  assertEquals(passed, ["10 at 10", "10 at 10", "20 at 20", "30 at 30"]);
  assertStrictEquals(virtual.nextTimerAtMs, Infinity);
});

Deno.test("a deadline that is met does not pass", async () => {
  const { virtual, deadlines, passed, add } = start();
  const met = add(10);
  add(20);
  deadlines.delete(met);
  await virtual.advance(100);
  assertEquals(passed, ["20 at 20"]);
});

Deno.test("what is always met in time costs one timer for all", async () => {
  const { virtual, deadlines, passed, add, timers } = start();
  for (let call = 0; call < 1000; call += 1) {
    const deadline = add(virtual.now() + 500);
    await virtual.advance(1);
    deadlines.delete(deadline);
  }
  assertEquals(passed, []);
  assertStrictEquals(timers(), 3, "one for each 500 ms");
});

Deno.test("a deadline may be added while others pass", async () => {
  const { virtual, deadlines, passed, add } = start();
  deadlines.add({ atMs: 10, passed: () => add(15, "added") });
  add(20);
  await virtual.advance(100);
  assertEquals(passed, ["added at 15", "20 at 20"]);
});

Deno.test("when it stops, nothing passes and no timer is left", async () => {
  const { virtual, deadlines, passed, add } = start();
  add(10);
  deadlines.stop();
  deadlines.stop();
  assertStrictEquals(virtual.nextTimerAtMs, Infinity);
  add(20);
  await virtual.advance(100);
  assertEquals(passed, ["20 at 20"]);
});

Deno.test("the real clock goes on, sets timers and takes them back", async () => {
  const before = realClock.now();
  let wrong = false;
  const cancel = realClock.setTimer(1, () => wrong = true);
  cancel();
  const never = realClock.setTimer(Number.MAX_SAFE_INTEGER, () => wrong = true);
  await new Promise<void>((resolve) => realClock.setTimer(2, resolve));
  await new Promise<void>((resolve) => realClock.setTimer(-1, resolve));
  never();
  assertStrictEquals(wrong, false);
  assertStrictEquals(realClock.now() - before >= 1, true);
});
