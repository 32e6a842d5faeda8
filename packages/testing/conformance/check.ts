/**
 * What a conformance suite consists of: named checks that any test runner can run.
 *
 * @module
 */

/** One promise of a port, and how to see whether it is kept. */
export interface ConformanceCheck {
  /** The promise, as a sentence. */
  readonly name: string;
  /** Resolves if it is kept. Rejects with an error that says what was expected and what was found. */
  readonly run: () => Promise<void>;
}
