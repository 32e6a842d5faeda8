/**
 * How busy something is: the share of time that it works, over intervals of a second.
 *
 * @module
 */
import type { Meter, SampleName } from "./meter.ts";

/** The least time between two samples. */
const INTERVAL_MS = 1000;

/**
 * Adds up the time from `enter` to `leave` and samples its share of all time, once a second has passed since the sample
 * before. While nothing is done nothing is sampled; the next sample then covers the whole pause.
 */
export class BusyShare {
  readonly #meter: Meter;
  readonly #name: SampleName;
  #intervalBeganMs: number;
  #enteredMs: number | undefined;
  #busyMs = 0;

  /** The first interval begins now. */
  constructor(meter: Meter, name: SampleName) {
    this.#meter = meter;
    this.#name = name;
    this.#intervalBeganMs = meter.now();
  }

  /** Work begins. Does nothing if it has begun already. */
  enter(nowMs: number): void {
    this.#enteredMs ??= nowMs;
  }

  /** Of the work that has begun and not ended, so much is another's. Does nothing if none has begun. */
  exclude(durationMs: number): void {
    if (this.#enteredMs !== undefined) this.#busyMs -= durationMs;
  }

  /** Work ends. */
  leave(nowMs: number): void {
    if (this.#enteredMs === undefined) return;
    this.#busyMs += nowMs - this.#enteredMs;
    this.#enteredMs = undefined;
    const intervalMs = nowMs - this.#intervalBeganMs;
    if (intervalMs < INTERVAL_MS) return;
    this.#meter.sample(this.#name, this.#busyMs / intervalMs);
    this.#busyMs = 0;
    this.#intervalBeganMs = nowMs;
  }
}
