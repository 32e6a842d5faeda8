/**
 * The border between a process and the world: what comes in from outside (timers, messages, answers of the disk) passes
 * here, waits while the process stands still, and is dropped once it has crashed.
 *
 * @module
 */
import type { CancelTimer, Clock } from "@coracle/core";
import type { VirtualClock } from "../virtual_clock.ts";

/** See the module's description. */
export class Gate {
  readonly #clock: VirtualClock;
  #isOpen = true;
  #waiting: (() => void)[] | undefined;
  readonly #timers = new Set<CancelTimer>();

  readonly #entered: () => void;

  /** Open, until told otherwise. `clock`: the world's. `entered`: is told whenever something is about to happen to the process. */
  constructor(clock: VirtualClock, entered: () => void = () => {}) {
    this.#clock = clock;
    this.#entered = entered;
  }

  /** Whether the process runs. It may stand still. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How often the process has stood still. */
  pauses = 0;

  /** Whether the process stands still. */
  get isPaused(): boolean {
    return this.#waiting !== undefined;
  }

  /** Something happens to the process. */
  pass(action: () => void): void {
    if (!this.#isOpen) return;
    if (this.#waiting !== undefined) this.#waiting.push(action);
    else {
      this.#entered();
      action();
    }
  }

  /** Something happens to the process after `delayMs` of the world's time. */
  after(delayMs: number, action: () => void): CancelTimer {
    if (!this.#isOpen) return () => {};
    let isCancelled = false;
    const cancelTimer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(cancelTimer);
      this.pass(() => {
        if (!isCancelled) action();
      });
    });
    this.#timers.add(cancelTimer);
    return () => {
      isCancelled = true;
      cancelTimer();
      this.#timers.delete(cancelTimer);
    };
  }

  /** The process stands still, and does not know it. */
  pause(): void {
    this.pauses += 1;
    this.#waiting ??= [];
  }

  /** The process goes on, first with what it has missed. */
  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    // What it has missed may stop it again; then the rest goes on waiting.
    for (const action of waiting) this.pass(action);
  }

  /** The process is gone. */
  shut(): void {
    this.#isOpen = false;
    this.#waiting = undefined;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}

/** How a node's clock differs from the world's. */
export interface ClockError {
  /** How many of its milliseconds pass in one of the world's. */
  readonly rate: number;
  /** What it shows when the world begins. */
  readonly offsetMs: number;
}

/** Time as one process sees it. */
export class ProcessClock implements Clock {
  readonly #world: VirtualClock;
  readonly #gate: Gate;
  readonly #error: ClockError;
  readonly #wallJumpMs: () => number;

  /** `wallJumpMs`: by how much somebody has moved the wall clock so far. */
  constructor(world: VirtualClock, gate: Gate, error: ClockError, wallJumpMs: () => number) {
    this.#world = world;
    this.#gate = gate;
    this.#error = error;
    this.#wallJumpMs = wallJumpMs;
  }

  /** Monotonic, as fast as this clock goes. */
  now(): number {
    return this.#error.offsetMs + this.#world.now() * this.#error.rate;
  }

  /** Drifts as {@linkcode ProcessClock.now} does, and jumps. */
  wallTime(): number {
    const drifted = this.#world.now() * (this.#error.rate - 1);
    return Math.floor(this.#world.wallTime() + drifted + this.#wallJumpMs());
  }

  /** See `Clock.setTimer`. */
  setTimer(delayMs: number, callback: () => void): CancelTimer {
    return this.#gate.after(Math.max(0, delayMs) / this.#error.rate, callback);
  }
}
