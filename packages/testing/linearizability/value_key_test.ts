import { assertEquals, assertThrows } from "@std/assert";
import { valueKey, valueKeyIfPlain } from "./value_key.ts";

Deno.test("values that are equal have the same key, whatever their order", () => {
  assertEquals(valueKey({ a: 1, b: [true, null] }), valueKey({ b: [true, null], a: 1 }));
  assertEquals(valueKey(new Map([["a", 1], ["b", 2]])), valueKey(new Map([["b", 2], ["a", 1]])));
  assertEquals(valueKey(new Set([1, 2])), valueKey(new Set([2, 1])));
  assertEquals(valueKey(Uint8Array.of(1, 2)), valueKey(Uint8Array.of(1, 2)));
});

Deno.test("values that differ have different keys", () => {
  const values = [
    undefined,
    null,
    false,
    0,
    -0,
    1,
    1n,
    NaN,
    "",
    "1",
    "null",
    [],
    [1],
    ["1"],
    [[1]],
    [1, 1],
    {},
    { a: 1 },
    { a: "1" },
    { a: undefined },
    { "a:1,b": 2 },
    { a: 1, b: 2 },
    new Map(),
    new Map([["a", 1]]),
    new Map([[1, "a"]]),
    new Set(),
    new Set([1]),
    new Set([[1]]),
    Uint8Array.of(),
    Uint8Array.of(1),
    ["a", "b"],
    ["a,b"],
    ['a","b'],
  ];
  const keys = values.map(valueKey);
  assertEquals(new Set(keys).size, values.length, keys.join("\n"));
});

Deno.test("what it cannot look into it refuses", () => {
  class Secret {
    #inside = 1;
  }
  assertThrows(() => valueKey({ a: [new Secret()] }), TypeError, "a Secret has no key of its own");
  assertThrows(() => valueKey(() => 1), TypeError, "a function has no key of its own");
  assertEquals(valueKeyIfPlain(new Date()), undefined);
  assertEquals(valueKeyIfPlain([1]), "[1]");
});
