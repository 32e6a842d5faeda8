/**
 * Random numbers from a seed: everything that a simulation leaves to chance.
 *
 * @module
 */

/** A small, fast generator (sfc32) with 128 bits of state. The same seed gives the same numbers, on every machine. */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  /** `seed`: a whole number; all of its 53 bits count. */
  constructor(seed: number) {
    this.#a = 0x9e3779b9;
    this.#b = seed | 0;
    this.#c = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#counter = 1;
    // Seeds that differ in one bit must not give similar numbers.
    for (let round = 0; round < 15; round += 1) this.uint32();
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number from 0 to 1, 1 excluded. */
  next(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** A number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    // Draws even where the answer is certain: a fault that is switched off leaves the others where they were.
    return this.next() < probability;
  }

  /** One of `values`, which must not be empty. */
  pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new RangeError("nothing to pick from");
    return values[this.int(0, values.length - 1)]!;
  }

  /** Puts `values` in a random order, in place, and returns them. */
  shuffle<T>(values: T[]): T[] {
    for (let at = values.length - 1; at > 0; at -= 1) {
      const other = this.int(0, at);
      const value = values[at]!;
      values[at] = values[other]!;
      values[other] = value;
    }
    return values;
  }
}
