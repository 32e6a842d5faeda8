/**
 * What is a promise. State machines may be made of libraries that have promises of their own, which are no `Promise` and are only asked
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
