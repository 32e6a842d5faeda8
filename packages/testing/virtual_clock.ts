/**
 * Time that passes only when a test says so. A test of an hour takes milliseconds, and takes the same course
 * every time.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { CancelTimer, Clock } from "@coracle/core";
import { TimerQueue } from "./timer_queue.ts";

/** Where a {@linkcode VirtualClock} begins. */
export interface VirtualClockOptions {
  /** The first value of {@linkcode VirtualClock.now}, in milliseconds. Default 0. */
  readonly startMs?: number;
  /** The first value of {@linkcode VirtualClock.wallTime}, in milliseconds since 1970. Default 2000-01-01. */
  readonly wallTimeMs?: number;
}

/**
 * A {@linkcode Clock} in virtual time.
 *
 * There are two ways to let time pass. {@linkcode VirtualClock.runNext} and {@linkcode VirtualClock.runUntil} are
 * synchronous: a simulator's loop. {@linkcode VirtualClock.advance} and {@linkcode VirtualClock.waitFor} let promises settle
 * between timers: for tests of asynchronous code, such as a whole node.
 */
export class VirtualClock implements Clock {
  readonly #timers = new TimerQueue();
  readonly #wallOffsetMs: number;
  #nowMs: number;

  /** `options`: where time begins. */
  constructor(options: VirtualClockOptions = {}) {
    this.#nowMs = options.startMs ?? 0;
    this.#wallOffsetMs = (options.wallTimeMs ?? 946_684_800_000) - this.#nowMs;
  }

  /** Virtual milliseconds. */
  now(): number {
    return this.#nowMs;
  }

  /** Virtual wall clock, in milliseconds since 1970. */
  wallTime(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  /** Calls `callback` once, when `delayMs` virtual milliseconds have passed. Throws `RangeError` for a delay that is not a finite number. */
  setTimer(delayMs: number, callback: () => void): CancelTimer {
    if (!Number.isFinite(delayMs)) throw new RangeError(`a delay of ${delayMs} ms never passes`);
    const timer = this.#timers.add(this.#nowMs + Math.max(0, delayMs), callback);
    return () => timer.callback = undefined;
  }

  /** When the next timer is due; `Infinity` if there is none. */
  get nextTimerAtMs(): number {
    return this.#timers.peek()?.atMs ?? Infinity;
  }

  /** Jumps to the next timer and calls it. Returns whether there was one. */
  runNext(): boolean {
    const timer = this.#timers.take();
    if (timer === undefined) return false;
    this.#nowMs = timer.atMs;
    const callback = timer.callback!;
    timer.callback = undefined;
    callback();
    return true;
  }

  /** Calls what becomes due until `atMs`, in order; then it is `atMs`, or later if it was. */
  runUntil(atMs: number): void {
    while (this.nextTimerAtMs <= atMs) this.runNext();
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  /** Lets `durationMs` pass: calls what becomes due, in order, and lets promises settle after each. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await settle();
    while (this.nextTimerAtMs <= untilMs) {
      this.runNext();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  /**
   * Lets time pass until `condition` holds, as little as possible. Throws an error that names `what` if it does not
   * hold within `limitMs`.
   */
  async waitFor(what: string, limitMs: number, condition: () => boolean): Promise<void> {
    const untilMs = this.#nowMs + limitMs;
    await settle();
    while (!condition()) {
      if (this.nextTimerAtMs > untilMs) {
        this.#nowMs = untilMs;
        throw new Error(`waited ${limitMs} virtual ms in vain: ${what}`);
      }
      this.runNext();
      await settle();
    }
  }
}

/** Resolves when every promise that can settle by itself has. */
export function settle(): Promise<void> {
  // Promise jobs all run before the next turn of the event loop.
  return new Promise((resolve) => setImmediate(resolve));
}
