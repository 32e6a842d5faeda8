/**
 * Errors of the operating system and of peers, as they stand in a log line.
 *
 * @module
 */

/** What `error` says, in one line. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
