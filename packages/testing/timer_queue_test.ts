import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { TimerQueue } from "./timer_queue.ts";

Deno.test("timers come in the order of time, and of insertion within a moment", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (times) => {
    const queue = new TimerQueue();
    const added = times.map((atMs) => queue.add(atMs, () => {}));
    const taken = [];
    for (let timer; (timer = queue.take()) !== undefined;) taken.push(timer);
    const expected = [...added].sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    assertEquals(taken.map((one) => one.order), expected.map((one) => one.order));
  }));
});

Deno.test("a timer that is cancelled does not come", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(9), fc.boolean())), (plan) => {
    const queue = new TimerQueue();
    let kept = 0;
    for (const [atMs, isCancelled] of plan) {
      const timer = queue.add(atMs, () => {});
      if (isCancelled) timer.callback = undefined;
      else kept += 1;
    }
    let taken = 0;
    while (queue.take() !== undefined) taken += 1;
    assertStrictEquals(taken, kept);
  }));
});
