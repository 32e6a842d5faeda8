/**
 * Answers that may be promises. State machines may be made of libraries that have promises of their own, which are no `Promise` and are only asked
 * for what they promise when somebody waits for it.
 *
 * @module
 */

/** `value` as a promise, if it is something that can be waited for; a `Promise` itself as it is. */
export function promiseOf<Value>(value: Value | PromiseLike<Value>): Promise<Value> | undefined {
  if (value instanceof Promise) return value;
  if (typeof value !== "object" && typeof value !== "function" || value === null) return undefined;
  return "then" in value && typeof value.then === "function"
    ? Promise.resolve(value as PromiseLike<Value>)
    : undefined;
}

/** Calls `then` with `answer`: at once, or when it has come. What whoever wraps a state machine does with what that answers. */
export function answered<Answer, Result>(
  answer: Answer | PromiseLike<Answer>,
  then: (answer: Answer) => Result,
): Result | Promise<Result> {
  const promise = promiseOf<Answer>(answer);
  return promise === undefined ? then(answer as Answer) : promise.then(then);
}
