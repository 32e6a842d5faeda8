/** Assertions about one value. @module */

import { inspect } from "node:util";
import { AssertionError, suffix } from "./assertion_error.ts";

/** Asserts that `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** A value that counts as false. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** Asserts that `expr` is falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/** Anything that can stand on the right of `instanceof`. */
export type AnyConstructor = abstract new (...args: never[]) => unknown;

/** Asserts that `actual` is an instance of `expectedType`. */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  const is = actual instanceof Object ? actual.constructor.name : inspect(actual);
  throw new AssertionError(
    `Expected object to be an instance of "${expectedType.name}" but was "${is}"${suffix(msg)}`,
  );
}

/** Fails always. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}
