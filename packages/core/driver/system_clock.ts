/**
 * The machine's own time.
 *
 * @module
 */
import type { Clock } from "../ports/clock.ts";

/** Monotonic time from `performance`, wall time from `Date`, timers from the event loop. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};
