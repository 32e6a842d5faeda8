/**
 * What callers and state machines hand over as bytes. It is looked at, since Deno runs programs without checking their types: what is no
 * bytes would be written as zeros, or as nothing, or would stop the node.
 *
 * @module
 */
import { InvalidConfigError } from "../model/errors.ts";

/** What is wrong with `value`, which should be bytes, if anything is. `field`: what it was given as. */
export function bytesProblem(field: string, value: unknown): InvalidConfigError | undefined {
  if (value instanceof Uint8Array) return undefined;
  return new InvalidConfigError(field, `of type ${typeName(value)}`, "a Uint8Array");
}

function typeName(value: unknown): string {
  const isObject = typeof value === "object" && value !== null;
  return isObject ? value.constructor?.name ?? "object" : value === null ? "null" : typeof value;
}
