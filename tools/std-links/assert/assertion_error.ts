/** The error of a failed assertion. @module */

/** Thrown by every assertion that does not hold. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** The end of a message: what the caller added, if anything. */
export function suffix(msg: string | undefined): string {
  return msg ? `: ${msg}` : ".";
}
