/**
 * The arithmetic of majorities.
 *
 * @module
 */

/** How many of `voters` are a majority. */
export function quorumSize(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The greatest number that a majority of `values` (one for each voter) has reached. `values` is sorted in place.
 * The quorum of no voters has reached nothing: `-Infinity`.
 */
export function reachedByQuorum(values: number[]): number {
  if (values.length === 0) return -Infinity;
  values.sort((a, b) => b - a);
  return values[quorumSize(values.length) - 1]!;
}
