/**
 * Randomness that is given: a node's random numbers follow from its seed alone.
 *
 * @module
 */

/** A small generator (mulberry32): one 32-bit word of state, plenty for spreading timeouts. */
export class Random {
  #state: number;

  /** `seed`: any number; only its low 32 bits count. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A number from 0 to 1, 1 excluded. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 15), word | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }
}
