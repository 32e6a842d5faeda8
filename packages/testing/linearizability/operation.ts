/**
 * What a client did: one call to a replicated service, from when it was made until it was answered.
 *
 * @module
 */

/**
 * One operation of one client. Times are numbers of any one clock, such as milliseconds of a monotonic clock or steps of
 * a simulation; only their order counts. Operations that touch (one returns when the other is called) count as
 * concurrent.
 */
export interface Operation<Input, Output> {
  /** Who made it. */
  readonly client: number | string;
  /** What was asked for. */
  readonly input: Input;
  /** What was answered; `undefined` if that is not known, or if the answer says nothing. */
  readonly output: Output | undefined;
  /** When it was called. */
  readonly callAt: number;
  /**
   * When it was answered; `Infinity` if its outcome is unknown: it may have happened at any time after its call, or
   * never. A client that gives up has not learnt anything: its operation returns never, not when it gave up.
   */
  readonly returnAt: number;
  /** Certain never to have taken effect, now or later. It is left out of account. */
  readonly failed?: boolean;
}

/** Throws a `RangeError` that names the first operation that cannot be one. */
export function validateOperations(operations: readonly Operation<unknown, unknown>[]): void {
  for (const [at, { callAt, returnAt, output }] of operations.entries()) {
    const wrong = !Number.isFinite(callAt)
      ? `callAt is ${callAt}; it must be a finite number`
      : !(returnAt >= callAt)
      ? `returnAt is ${returnAt}; it must not be before callAt, which is ${callAt}`
      : returnAt === Infinity && output !== undefined
      ? "it never returned (returnAt is Infinity), yet it has an output"
      : undefined;
    if (wrong !== undefined) throw new RangeError(`operation ${at}: ${wrong}`);
  }
}
