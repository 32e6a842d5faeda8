import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { VirtualClock } from "./virtual_clock.ts";

Deno.test("time passes only on demand", async () => {
  const clock = new VirtualClock({ startMs: 5, wallTimeMs: 1000 });
  await clock.advance(10);
  assertStrictEquals(clock.now(), 15);
  assertStrictEquals(clock.wallTime(), 1010);
});

Deno.test("timers go off at their own moment, in order", async () => {
  const clock = new VirtualClock();
  const seen: [string, number][] = [];
  clock.setTimer(7, () => seen.push(["late", clock.now()]));
  clock.setTimer(3, () => {
    seen.push(["early", clock.now()]);
    clock.setTimer(1, () => seen.push(["set by early", clock.now()]));
  });
  const cancel = clock.setTimer(5, () => seen.push(["cancelled", clock.now()]));
  cancel();
  cancel();
  await clock.advance(6);
  assertEquals(seen, [["early", 3], ["set by early", 4]]);
  assertStrictEquals(clock.nextTimerAtMs, 7);
  await clock.advance(1);
  assertEquals(seen[2], ["late", 7]);
  assertStrictEquals(clock.nextTimerAtMs, Infinity);
});

Deno.test("promises settle between one timer and the next", async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.setTimer(1, () => {
    (async () => {
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      seen.push("promise");
    })();
  });
  clock.setTimer(1, () => seen.push("timer"));
  await clock.advance(1);
  assertEquals(seen, ["promise", "timer"]);
});

Deno.test("runNext is synchronous and jumps", () => {
  const clock = new VirtualClock();
  let called = 0;
  clock.setTimer(1000, () => called += 1);
  assertStrictEquals(clock.runNext(), true);
  assertStrictEquals(called, 1);
  assertStrictEquals(clock.now(), 1000);
  assertStrictEquals(clock.runNext(), false);
});

Deno.test("runUntil is synchronous and goes as far as it is told", () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  const again = (): void => {
    seen.push(clock.now());
    clock.setTimer(3, again);
  };
  again();
  clock.runUntil(7);
  assertEquals(seen, [0, 3, 6]);
  assertStrictEquals(clock.now(), 7);
  clock.runUntil(5);
  assertStrictEquals(clock.now(), 7);
});

Deno.test("waitFor stops as soon as the condition holds, and says what it waited for in vain", async () => {
  const clock = new VirtualClock();
  let ticks = 0;
  const tick = (): void => {
    ticks += 1;
    clock.setTimer(10, tick);
  };
  clock.setTimer(10, tick);
  await clock.waitFor("three ticks", 1000, () => ticks === 3);
  assertStrictEquals(clock.now(), 30);
  await assertRejects(
    () => clock.waitFor("a hundred ticks", 100, () => ticks === 100),
    Error,
    "waited 100 virtual ms in vain: a hundred ticks",
  );
  assertStrictEquals(clock.now(), 130);
});

Deno.test("a delay that never passes is refused", () => {
  const clock = new VirtualClock();
  assertThrows(() => clock.setTimer(NaN, () => {}), RangeError, "NaN");
  assertThrows(() => clock.setTimer(Infinity, () => {}), RangeError, "Infinity");
});
