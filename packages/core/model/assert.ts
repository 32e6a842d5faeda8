/**
 * What cannot happen: an invariant that does not hold stops the node instead of letting it go on
 * with a state that nobody has thought about.
 *
 * @module
 */

/** Thrown when an invariant of the consensus does not hold. It is a bug or damaged memory, never bad input. */
export class InvariantViolation extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "InvariantViolation";
}

/** Throws {@linkcode InvariantViolation} with `message` unless `condition` holds. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(message);
}

/** Ends a switch over a closed union: a case that was forgotten is a compile error here. */
export function assertNever(value: never): never {
  throw new InvariantViolation(`a case that does not exist: ${JSON.stringify(value)}`);
}
