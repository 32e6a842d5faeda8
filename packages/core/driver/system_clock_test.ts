/**
 * The machine's own clock, with timers that the test lets go off.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "./system_clock.ts";

/** Runs `body` while `setTimeout` and `clearTimeout` only note what they are asked. */
function withNotedTimers(
  body: (timers: Map<number, { delayMs: number; callback: () => void }>) => void,
): void {
  const { setTimeout, clearTimeout } = globalThis;
  const timers = new Map<number, { delayMs: number; callback: () => void }>();
  let lastId = 0;
  Object.assign(globalThis, {
    setTimeout(callback: () => void, delayMs: number) {
      timers.set(++lastId, { delayMs, callback });
      return lastId;
    },
    clearTimeout: (id: number) => void timers.delete(id),
  });
  try {
    body(timers);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}

Deno.test("time is monotonic, and wall time is that of the machine", () => {
  const before = systemClock.now();
  const wallTime = systemClock.wallTime();
  assert(systemClock.now() >= before);
  assert(Math.abs(wallTime - Date.now()) < 60_000);
});

Deno.test("a timer goes off once, unless it is cancelled; to cancel it twice does no harm", () => {
  withNotedTimers((timers) => {
    let fired = 0;
    systemClock.setTimer(20, () => fired += 1);
    const cancel = systemClock.setTimer(-5, () => fired += 100);
    assertEquals([...timers.values()].map(({ delayMs }) => delayMs), [20, 0]);
    cancel();
    cancel();
    for (const { callback } of timers.values()) callback();
    assertEquals(fired, 1);
  });
});

Deno.test("a delay that setTimeout would take for none is waited for in parts", () => {
  withNotedTimers((timers) => {
    const most = 2 ** 31 - 1;
    let fired = 0;
    const cancel = systemClock.setTimer(2 * most + 7, () => fired += 1);
    const next = () => {
      const [[id, { delayMs, callback }]] = [...timers] as [
        [number, { delayMs: number; callback: () => void }],
      ];
      timers.delete(id);
      callback();
      return delayMs;
    };
    assertEquals([next(), next(), fired], [most, most, 0]);
    assertEquals([next(), fired, timers.size], [7, 1, 0]);
    cancel();

    const cancelEndless = systemClock.setTimer(Infinity, () => fired += 1);
    assertEquals([next(), next(), fired, timers.size], [most, most, 1, 1]);
    cancelEndless();
    assertEquals(timers.size, 0);
  });
});
