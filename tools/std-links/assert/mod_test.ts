/**
 * What this workspace relies on in `@std/assert`. Holds for the stand-in and, under
 * `deno task test:jsr`, for the real package.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertIsError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "@std/assert";

/** Whether `fn` fails as an assertion; written with nothing that is under test here. */
function fails(fn: () => void, message = ""): void {
  try {
    fn();
  } catch (error) {
    if (error instanceof AssertionError && error.message.includes(message)) return;
    throw error;
  }
  throw new Error(`the assertion held: ${fn}`);
}

class Point {
  constructor(readonly x: number) {}
}
class OtherPoint {
  constructor(readonly x: number) {}
}

const cycle = (): unknown => {
  const self: Record<string, unknown> = { n: 1 };
  self["self"] = self;
  return self;
};

const EQUAL: Record<string, [unknown, unknown]> = {
  "numbers": [1, 1],
  "not-a-number": [NaN, NaN],
  "zeros of either sign": [0, -0],
  "zeros of either sign inside": [{ a: [0] }, { a: [-0] }],
  "bigints": [2n ** 64n, 2n ** 64n],
  "objects with keys in another order": [{ a: 1, b: 2 }, { b: 2, a: 1 }],
  "undefined properties": [{ a: undefined }, { a: undefined }],
  "an object without prototype": [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  "nested arrays": [[1, [2, [3]]], [1, [2, [3]]]],
  "bytes": [new Uint8Array([1, 2, 3]), new Uint8Array([1, 2, 3])],
  "a view into other bytes": [new Uint8Array([0, 1, 2]).subarray(1), new Uint8Array([1, 2])],
  "floats": [new Float64Array([NaN, 0]), new Float64Array([NaN, -0])],
  "buffers": [new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2]).buffer],
  "maps in another order": [new Map([["a", 1], ["b", 2]]), new Map([["b", 2], ["a", 1]])],
  "maps of objects": [new Map([[{ k: 1 }, { v: [1] }]]), new Map([[{ k: 1 }, { v: [1] }]])],
  "sets in another order": [new Set([1, 2]), new Set([2, 1])],
  "sets of objects": [new Set([{ a: 1 }, { a: 2 }]), new Set([{ a: 2 }, { a: 1 }])],
  "dates": [new Date(5), new Date(5)],
  "addresses": [new URL("tcp://a:1"), new URL("tcp://a:1")],
  "patterns": [/a/g, /a/g],
  "instances of one class": [new Point(1), new Point(1)],
  "cycles": [cycle(), cycle()],
};

const DIFFERENT: Record<string, [unknown, unknown]> = {
  "numbers": [1, 2],
  "a number and its text": [1, "1"],
  "a number and a bigint": [1, 1n],
  "null and undefined": [null, undefined],
  "null and an object": [null, {}],
  "an undefined property and none": [{ a: undefined }, {}],
  "no property and an undefined one": [{}, { a: undefined }],
  "undefined properties of other names": [{ a: undefined }, { b: undefined }],
  "a nested value": [{ a: { b: [1, 2] } }, { a: { b: [1, 3] } }],
  "arrays of another length": [[1, 2], [1, 2, 3]],
  "arrays in another order": [[1, 2], [2, 1]],
  "an array and an object": [[], {}],
  "bytes": [new Uint8Array([1, 2]), new Uint8Array([1, 3])],
  "bytes of another length": [new Uint8Array([1]), new Uint8Array([1, 0])],
  "bytes and words": [new Uint8Array([1]), new Uint16Array([1])],
  "bytes and an array": [new Uint8Array([1]), [1]],
  "buffers": [new Uint8Array([1, 2]).buffer, new Uint8Array([1, 3]).buffer],
  "values of maps": [new Map([["a", 1]]), new Map([["a", 2]])],
  "keys of maps": [new Map([["a", 1]]), new Map([["b", 1]])],
  "sizes of maps": [new Map([["a", 1]]), new Map()],
  "members of sets": [new Set([1, 2]), new Set([1, 3])],
  "objects in sets": [new Set([{ a: 1 }]), new Set([{ a: 2 }])],
  "a map and a set": [new Map(), new Set()],
  "dates": [new Date(5), new Date(6)],
  "addresses": [new URL("tcp://a:1"), new URL("tcp://a:2")],
  "patterns": [/a/g, /a/i],
  "instances of two classes": [new Point(1), new OtherPoint(1)],
  "an instance and a plain object": [new Point(1), { x: 1 }],
  "functions": [() => 1, () => 1],
};

for (const [name, [a, b]] of Object.entries(EQUAL)) {
  Deno.test(`assertEquals holds for equal values: ${name}`, () => {
    assertEquals(a, b);
    assertEquals(b, a);
    fails(() => assertNotEquals(a, b));
  });
}

for (const [name, [a, b]] of Object.entries(DIFFERENT)) {
  Deno.test(`assertEquals fails for different values: ${name}`, () => {
    fails(() => assertEquals(a, b), "Values are not equal.");
    fails(() => assertEquals(b, a), "Values are not equal.");
    assertNotEquals(a, b);
  });
}

Deno.test("assertEquals shows the lines that differ and the caller's message", () => {
  const actual = { term: 1, names: ["alpha", "beta"] };
  const expected = { term: 1, names: ["alpha", "gamma"] };
  fails(() => assertEquals(actual, expected), "beta");
  fails(() => assertEquals(actual, expected), "gamma");
  fails(() => assertEquals(actual, expected, "of the leader"), "not equal: of the leader");
});

Deno.test("assert and assertFalse take truthy and falsy values", () => {
  assert(1);
  assert("x");
  fails(() => assert(0));
  fails(() => assert(undefined, "no leader"), "no leader");
  assertFalse(0);
  assertFalse(undefined);
  fails(() => assertFalse("x", "too many leaders"), "too many leaders");
});

Deno.test("assertStrictEquals compares identity, as Object.is does", () => {
  const object = {};
  assertStrictEquals(object, object);
  assertStrictEquals(NaN, NaN);
  fails(() => assertStrictEquals({}, {}));
  fails(() => assertStrictEquals(0, -0));
  fails(() => assertStrictEquals(1, 2, "of the log"), "of the log");
  assertNotStrictEquals({}, {});
  fails(() => assertNotStrictEquals(object, object));
});

Deno.test("comparisons hold at their boundary as their names say", () => {
  assertGreater(2, 1);
  fails(() => assertGreater(1, 1));
  assertGreaterOrEqual(1, 1);
  fails(() => assertGreaterOrEqual(0, 1));
  assertLess(1, 2);
  fails(() => assertLess(1, 1));
  assertLessOrEqual(1, 1);
  fails(() => assertLessOrEqual(2, 1));
  fails(() => assertGreater(NaN, 1));
  fails(() => assertLess(1, 1, "of the index"), "of the index");
});

Deno.test("assertMatch and assertStringIncludes look inside a string", () => {
  assertMatch("term 12", /\d+/);
  fails(() => assertMatch("term", /\d+/));
  assertStringIncludes("segment 5", "5");
  fails(() => assertStringIncludes("segment 5", "6"));
});

Deno.test("assertInstanceOf takes subclasses and narrows the type", () => {
  const error: unknown = new TypeError("x");
  assertInstanceOf(error, Error);
  assertEquals(error.message, "x");
  fails(() => assertInstanceOf(error, RangeError), "TypeError");
  fails(() => assertInstanceOf(null, Error));
});

Deno.test("assertThrows returns what was thrown and checks class and message", () => {
  const broken = (): never => {
    throw new RangeError("index 7 is compacted");
  };
  const error = assertThrows(broken, RangeError, "index 7");
  assertEquals(error.message, "index 7 is compacted");
  assertThrows(broken, Error);
  assertEquals(assertThrows(broken), error);
  fails(() => assertThrows(broken, TypeError), "RangeError");
  fails(() => assertThrows(broken, RangeError, "index 8"), "index 8");
  fails(() => assertThrows(() => {}), "Expected function to throw.");
  fails(() => assertThrows(() => {}, Error, "x", "at the bound"), "at the bound");
  fails(() =>
    assertThrows(() => {
      throw "text";
    }, Error)
  );
  assertEquals(
    assertThrows(() => {
      throw "text";
    }),
    "text",
  );
});

Deno.test("assertRejects returns what was rejected and checks class and message", async () => {
  const broken = (): Promise<never> => Promise.reject(new RangeError("index 7 is compacted"));
  const error = await assertRejects(broken, RangeError, "index 7");
  assertEquals(error.message, "index 7 is compacted");
  assertEquals(await assertRejects(broken), error);
  await assertRejects(() => assertRejects(broken, TypeError), AssertionError, "RangeError");
  await assertRejects(
    () => assertRejects(broken, RangeError, "index 8"),
    AssertionError,
    "index 8",
  );
  await assertRejects(
    () => assertRejects(() => Promise.resolve()),
    AssertionError,
    "Expected function to reject.",
  );
});

Deno.test("assertRejects refuses a function that throws before it returns a promise", async () => {
  const throws = (): Promise<never> => {
    throw new RangeError("too early");
  };
  await assertRejects(
    () => assertRejects(throws, RangeError),
    AssertionError,
    "Function throws when expected to reject.",
  );
});

Deno.test("assertIsError checks class and message, also by pattern", () => {
  const error: unknown = new RangeError("index 7");
  assertIsError(error, RangeError, /\d/);
  assertIsError(error);
  fails(() => assertIsError(error, RangeError, /index 8/));
  fails(() => assertIsError("index 7"));
});

Deno.test("fail always fails", () => {
  fails(() => fail("no quorum"), "Failed assertion: no quorum");
});
