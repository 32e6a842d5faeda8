/**
 * One text for equal values, another one for others.
 *
 * @module
 */

/**
 * A text that is the same for equal values and for no others. Takes primitives, arrays, plain objects (whatever the
 * order of their properties), `Map` and `Set` (whatever their order) and `Uint8Array`. Throws a `TypeError` for
 * anything else, such as a function or an object of another class, whose inside it cannot see.
 */
export function valueKey(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "-0" : `${value}`;
    case "bigint":
      return `${value}n`;
    case "boolean":
    case "undefined":
      return `${value}`;
    case "object":
      return value === null ? "null" : objectKey(value);
    default:
      throw new TypeError(`a ${typeof value} has no key of its own: give the model one`);
  }
}

/** The same; `undefined` instead of an error. */
export function valueKeyIfPlain(value: unknown): string | undefined {
  try {
    return valueKey(value);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function objectKey(value: object): string {
  if (Array.isArray(value)) return `[${value.map(valueKey).join()}]`;
  if (value instanceof Uint8Array) return `bytes[${value.join()}]`;
  if (value instanceof Map) {
    return `map{${[...value].map(([k, v]) => `${valueKey(k)}:${valueKey(v)}`).sort().join()}}`;
  }
  if (value instanceof Set) return `set{${[...value].map(valueKey).sort().join()}}`;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const name = (value.constructor as { name?: string } | undefined)?.name ?? "object";
    throw new TypeError(`a ${name} has no key of its own: give the model one`);
  }
  const parts = Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}:${valueKey(v)}`);
  return `{${parts.sort().join()}}`;
}
