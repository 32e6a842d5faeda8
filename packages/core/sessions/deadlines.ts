/**
 * Many deadlines, one timer: nearly every call is answered long before its deadline, and should not cost a timer.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../ports/clock.ts";

/** What a session needs of a clock. */
export type SessionClock = Pick<Clock, "now" | "setTimer">;

/** The longest delay that `setTimeout` can tell from none: about 25 days. */
const DELAY_MAX_MS = 2 ** 31 - 1;

/** The machine's own time. A timer of more than 25 days fires after 25 days. */
export const realClock: SessionClock = {
  now: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), DELAY_MAX_MS));
    return () => clearTimeout(timer);
  },
};

/** What is to be done at some time. */
export interface Deadline {
  /** When. */
  readonly atMs: number;
  /** What. */
  readonly passed: () => void;
}

/** See the module's description. */
export class Deadlines {
  readonly #clock: SessionClock;
  readonly #open = new Set<Deadline>();
  #cancelTimer: CancelTimer | undefined;
  #timerAtMs = Infinity;

  /** `clock`: tells the time. */
  constructor(clock: SessionClock) {
    this.#clock = clock;
  }

  /** `deadline.passed` is called once, at `deadline.atMs` or soon after; never if that is `Infinity`. */
  add(deadline: Deadline): void {
    this.#open.add(deadline);
    if (deadline.atMs < this.#timerAtMs) this.#setTimer(deadline.atMs);
  }

  /** It is met. The timer stays: the next deadline is likely to come before it fires. */
  delete(deadline: Deadline): void {
    this.#open.delete(deadline);
  }

  /** None of them matters any more. */
  stop(): void {
    this.#open.clear();
    this.#cancelTimer?.();
    this.#timerAtMs = Infinity;
  }

  #setTimer(atMs: number): void {
    this.#cancelTimer?.();
    this.#timerAtMs = atMs;
    this.#cancelTimer = this.#clock.setTimer(atMs - this.#clock.now(), () => this.#fire());
  }

  #fire(): void {
    const nowMs = this.#clock.now();
    this.#timerAtMs = Infinity;
    let nextMs = Infinity;
    const passed: Deadline[] = [];
    for (const deadline of this.#open) {
      if (deadline.atMs <= nowMs) passed.push(deadline);
      else nextMs = Math.min(nextMs, deadline.atMs);
    }
    for (const deadline of passed) {
      this.#open.delete(deadline);
      deadline.passed();
    }
    // What was called may have set a timer for something earlier.
    if (nextMs < this.#timerAtMs) this.#setTimer(nextMs);
  }
}
