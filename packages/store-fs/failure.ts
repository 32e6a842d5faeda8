/**
 * What the world does wrong, as the errors that callers are promised.
 *
 * @module
 */
import { InvalidConfigError, StorageError, StoreLockedError } from "@coracle/core";

/**
 * `error` as a caller may meet it: a `StorageError` or `StoreLockedError` as it is, anything else
 * as the cause of one that begins with `what`.
 */
export function asStorageError(error: unknown, what: string): StorageError | StoreLockedError {
  if (error instanceof StorageError || error instanceof StoreLockedError) return error;
  return new StorageError(`${what}: ${messageOf(error)}`, { cause: error });
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `value` if it is a whole number from `min` to `max`. Throws `InvalidConfigError`. */
export function checkedOption(
  name: string,
  value: number,
  min: number,
  max: number,
  reason = "",
): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new InvalidConfigError(name, value, `a whole number from ${min} to ${max}${reason}`);
}

/** `directory` if it can be one. Throws `InvalidConfigError`. */
export function checkedDirectory(directory: string): string {
  if (directory !== "") return directory;
  throw new InvalidConfigError("directory", '""', "the path of a directory");
}
