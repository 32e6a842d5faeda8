/**
 * Deep equality as `@std/assert` defines it.
 *
 * `node:util` has `isDeepStrictEqual`, but that tells 0 from -0 and an object without prototype
 * from a plain one, which `@std/assert` does not; so structures are walked here.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";

/** Whether two values are deeply equal: same prototypes, same keys (a key with `undefined` is a key). */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

/** Pairs that are being compared further up; meeting one again closes a cycle. */
type Seen = Map<object, object>;

function compare(a: unknown, b: unknown, seen: Seen): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (prototypeOf(a) !== prototypeOf(b)) return false;
  if (a instanceof Date || a instanceof RegExp || a instanceof ArrayBuffer) {
    return isDeepStrictEqual(a, b);
  }
  if (a instanceof URL) return a.href === (b as URL).href;
  if (ArrayBuffer.isView(a)) return viewsEqual(a, b as ArrayBufferView);
  if (a instanceof WeakMap || a instanceof WeakSet) {
    throw new TypeError(`Cannot compare ${a instanceof WeakMap ? "WeakMap" : "WeakSet"} instances`);
  }
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  const same = contentsEqual(a, b, seen);
  if (!same) seen.delete(a);
  return same;
}

function contentsEqual(a: object, b: object, seen: Seen): boolean {
  if (a instanceof Map) return membersEqual([...a], [...(b as Map<unknown, unknown>)], seen);
  if (a instanceof Set) return membersEqual([...a], [...(b as Set<unknown>)], seen);
  return propertiesEqual(a, b, seen);
}

function prototypeOf(value: object): object {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

function viewsEqual(a: ArrayBufferView, b: ArrayBufferView): boolean {
  if (a instanceof DataView || b instanceof DataView) return isDeepStrictEqual(a, b);
  const left = a as Uint8Array;
  const right = b as Uint8Array;
  // One method call; element by element, a failing comparison of megabytes is slow to find.
  return left.length === right.length && left.every((x, i) => x === right[i] || x !== x);
}

/** Whether each member of one side has a partner of its own on the other; order does not count. */
function membersEqual(left: unknown[], right: unknown[], seen: Seen): boolean {
  if (left.length !== right.length) return false;
  return left.every((member) => {
    const partner = right.findIndex((candidate) => compare(member, candidate, seen));
    if (partner >= 0) right.splice(partner, 1);
    return partner >= 0;
  });
}

function propertiesEqual(a: object, b: object, seen: Seen): boolean {
  const keys = enumerableKeys(a);
  if (keys.length !== enumerableKeys(b).length) return false;
  return keys.every((key) =>
    Object.hasOwn(b, key) && compare(Reflect.get(a, key), Reflect.get(b, key), seen)
  );
}

function enumerableKeys(value: object): PropertyKey[] {
  return Reflect.ownKeys(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key)
  );
}
