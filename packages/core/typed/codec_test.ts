/**
 * Codecs: what comes back, and what is refused.
 *
 * @module
 */
import { assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { bytesCodec, jsonCodec } from "./codec.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("what JSON carries comes back", () => {
  const codec = jsonCodec<unknown>();
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const plain = JSON.parse(JSON.stringify(value));
    assertEquals(codec.decode(codec.encode(value)), plain);
  }));
  assertEquals(codec.encode({ by: 1, text: "é" }), bytesOf('{"by":1,"text":"é"}'));
});

Deno.test("nothing is no bytes", () => {
  const codec = jsonCodec<unknown>();
  assertEquals(codec.encode(undefined), new Uint8Array(0));
  assertStrictEquals(codec.decode(new Uint8Array(0)), undefined);
  assertEquals(codec.encode(() => {}), new Uint8Array(0));
});

Deno.test("what is not JSON throws", () => {
  const codec = jsonCodec<unknown>();
  assertThrows(() => codec.encode({ value: 1n }), TypeError);
  for (const bytes of [bytesOf("{"), bytesOf("\ufeff1"), bytesOf(" ")]) {
    assertThrows(() => codec.decode(bytes), SyntaxError);
  }
  assertThrows(() => codec.decode(Uint8Array.of(0x22, 0xff, 0x22)), TypeError);
});

Deno.test("a parser sees what came, and decides", () => {
  const codec = jsonCodec<number>({
    parse(value) {
      if (typeof value !== "number") throw new RangeError(`${typeof value} is no number`);
      return value * 2;
    },
  });
  assertStrictEquals(codec.decode(codec.encode(21)), 42);
  assertThrows(() => codec.decode(bytesOf('"x"')), RangeError, "string is no number");
  assertThrows(() => codec.decode(new Uint8Array(0)), RangeError, "undefined is no number");
});

Deno.test("bytes are copied both ways", () => {
  const given = bytesOf("abc");
  const encoded = bytesCodec.encode(given);
  const decoded = bytesCodec.decode(encoded);
  assertEquals([encoded, decoded], [given, given]);
  assertNotStrictEquals(encoded, given);
  assertNotStrictEquals(decoded, encoded);
  given.fill(0);
  encoded.fill(1);
  assertEquals(decoded, bytesOf("abc"));
});
