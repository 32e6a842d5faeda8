/**
 * Stands in for `jsr:@std/assert` in this workspace, for machines that reach npm but not JSR (see
 * `links` in the root deno.json). Only what is used here, with the names, signatures and behaviour
 * of the real package; mod_test.ts holds for both.
 *
 * @module
 */

export { AssertionError } from "./assertion_error.ts";
export {
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertStringIncludes,
} from "./compare.ts";
export { assert, assertFalse, assertInstanceOf, fail } from "./truth.ts";
export { assertIsError, assertRejects, assertThrows } from "./throws.ts";
