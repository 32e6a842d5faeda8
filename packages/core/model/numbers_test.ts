import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Index,
  isUpToDate,
  nextIndex,
  NumberRangeError,
  previousIndex,
  readUint53,
  type Term,
  toIndex,
  toTerm,
  writeUint53,
} from "./numbers.ts";

const LARGEST = Number.MAX_SAFE_INTEGER;
const uint53 = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, LARGEST));

Deno.test("indexes and terms are whole numbers from 0 to 2^53 - 1 (B81)", () => {
  for (const value of [0, 1, LARGEST]) {
    assertStrictEquals(toIndex(value), value as Index);
    assertStrictEquals(toTerm(value), value as Term);
  }
  for (const value of [-1, 0.5, LARGEST + 1, NaN, Infinity, -Infinity]) {
    assertThrows(() => toIndex(value), NumberRangeError, `index ${value} is not a whole number`);
    assertThrows(() => toTerm(value), NumberRangeError, `term ${value} is not a whole number`);
  }
});

Deno.test("there is no index after the largest and none before the first (B81)", () => {
  assertStrictEquals(nextIndex(toIndex(LARGEST - 1)), toIndex(LARGEST));
  assertThrows(() => nextIndex(toIndex(LARGEST)), NumberRangeError);
  assertStrictEquals(previousIndex(toIndex(1)), toIndex(0));
  assertThrows(() => previousIndex(toIndex(0)), NumberRangeError);
});

Deno.test("53-bit numbers survive encoding, and are the 64-bit numbers that everybody else writes", () => {
  fc.assert(fc.property(uint53, fc.nat(3), (value, offset) => {
    const view = new DataView(new ArrayBuffer(12));
    writeUint53(view, offset, value);
    assertStrictEquals(readUint53(view, offset), value);
    assertStrictEquals(view.getBigUint64(offset), BigInt(value));
  }));
});

Deno.test("an encoded number beyond 2^53 - 1 is refused with its value and place (B81)", () => {
  fc.assert(fc.property(fc.bigInt(2n ** 53n, 2n ** 64n - 1n), (value) => {
    const view = new DataView(new ArrayBuffer(16));
    view.setBigUint64(8, value);
    assertThrows(
      () => readUint53(view, 8),
      NumberRangeError,
      `the number at byte 8 is ${value}, beyond 2^53 - 1`,
    );
  }));
});

Deno.test("logs are compared in dictionary order, the term first (B06)", () => {
  const position = fc.tuple(fc.nat(4), fc.nat(4));
  fc.assert(fc.property(position, position, ([term, index], [otherTerm, otherIndex]) => {
    const order = term - otherTerm || index - otherIndex;
    const given = isUpToDate(
      term as Term,
      index as Index,
      otherTerm as Term,
      otherIndex as Index,
    );
    assertEquals(given, order >= 0);
  }));
});
