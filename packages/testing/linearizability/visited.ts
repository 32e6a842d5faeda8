/**
 * Which situations a search has been in, so that it enters none twice, nor one that is no better than an earlier one.
 *
 * @module
 */

/**
 * A situation is what has happened so far and the state that it has led to. Two that agree in the state and in the
 * operations that returned differ only in which operations of unknown outcome have happened. These need not happen at
 * all, so the situation in which fewer of them have can go on in every way in which the other one can: only the smallest
 * sets are kept. Without this, k unknown operations would cost up to 2^k situations.
 */
export class Visited {
  readonly #smallest = new Map<string, bigint[]>();

  /**
   * Enters a situation. `key`: its state and the operations that returned; `unknown`: those of unknown outcome that
   * have happened, a bit each. False if one as good has been entered before.
   */
  enter(key: string, unknown: bigint): boolean {
    const sets = this.#smallest.get(key);
    if (sets === undefined) {
      this.#smallest.set(key, [unknown]);
      return true;
    }
    if (sets.some((set) => (set & unknown) === set)) return false;
    const kept = sets.filter((set) => (set & unknown) !== unknown);
    kept.push(unknown);
    this.#smallest.set(key, kept);
    return true;
  }
}
