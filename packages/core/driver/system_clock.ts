/**
 * The machine's own time.
 *
 * @module
 */
import type { Clock } from "../ports/clock.ts";

/** The longest delay that `setTimeout` can tell from none: about 25 days. */
const DELAY_MAX_MS = 2 ** 31 - 1;

/** Monotonic time from `performance`, wall time from `Date`, timers from the event loop. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer(delayMs, callback) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (leftMs: number) => {
      const then = leftMs > DELAY_MAX_MS ? () => wait(leftMs - DELAY_MAX_MS) : callback;
      timer = setTimeout(then, Math.min(Math.max(0, leftMs), DELAY_MAX_MS));
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};
