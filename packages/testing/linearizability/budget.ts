/**
 * How much work a check may be.
 *
 * @module
 */

/** Limits of a check. */
export interface CheckLimits {
  /**
   * The most steps of the model that are tried, a whole number of 1 or more. It bounds memory as well: a step
   * leaves some tens of bytes. Without it, 5,000,000.
   */
  readonly stepsMax?: number;
  /** The longest time in milliseconds, greater than 0. Without it there is no limit, and the verdict depends on nothing but the history. */
  readonly limitMs?: number;
}

const STEPS_MAX = 5_000_000;
const STEPS_BETWEEN_LOOKS = 256;

/** Counts down to a check's limits. */
export class Budget {
  readonly #stepsMax: number;
  readonly #deadlineMs: number;
  #steps = 0;
  #isSpent = false;

  /** Throws a `RangeError` for a limit that cannot be one. */
  constructor({ stepsMax = STEPS_MAX, limitMs = Infinity }: CheckLimits) {
    if (!Number.isInteger(stepsMax) || stepsMax < 1) {
      throw new RangeError(`stepsMax is ${stepsMax}; it must be a whole number of 1 or more`);
    }
    if (!(limitMs > 0)) throw new RangeError(`limitMs is ${limitMs}; it must be greater than 0`);
    this.#stepsMax = stepsMax;
    this.#deadlineMs = limitMs === Infinity ? Infinity : performance.now() + limitMs;
  }

  /** How many steps were taken. */
  get steps(): number {
    return this.#steps;
  }

  /** Takes one step; false if there are no more. */
  spend(): boolean {
    if (this.#isSpent) return false;
    if (this.#steps >= this.#stepsMax) this.#isSpent = true;
    else if (this.#deadlineMs < Infinity && this.#steps % STEPS_BETWEEN_LOOKS === 0) {
      this.#isSpent = performance.now() > this.#deadlineMs;
    }
    if (!this.#isSpent) this.#steps += 1;
    return !this.#isSpent;
  }
}
