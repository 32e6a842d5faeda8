/**
 * Lines from bytes, however these are cut into chunks.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Line, readLines } from "./lines.ts";

const encoder = new TextEncoder();

async function linesOf(chunks: readonly Uint8Array[], sizeMaxBytes = 1000): Promise<Line[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  return await Array.fromAsync(readLines(source(), sizeMaxBytes));
}

/** `bytes` in chunks that end at `cuts`. */
function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]
    .toSorted((a, b) => a - b);
  return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
}

Deno.test("lines are the same however the bytes are cut", async () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom("a", "é", "🛶", "\n", "\r\n", "\r") }))
    .map((parts) => parts.join(""));
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(100), { maxLength: 8 }), async (text, cuts) => {
      const lines = await linesOf(cutAt(encoder.encode(text), cuts));
      const expected = text.split("\n").map((line) => line.replace(/\r$/, ""));
      assertEquals(lines.map((line) => line.text), expected.filter((line) => line !== ""));
    }),
  );
});

Deno.test("a line that is no UTF-8 is named, those around it are read", async () => {
  const lines = await linesOf([Uint8Array.of(0x61, 0x0a, 0xff, 0x0a, 0x0a, 0x62)]);
  assertEquals(lines, [
    { number: 1, text: "a" },
    { number: 2, text: undefined, problem: "line 2 is not valid UTF-8" },
    { number: 4, text: "b" },
  ]);
});

Deno.test("a line that is too long is named, those around it are read", async () => {
  assertEquals(await linesOf([encoder.encode("abcd\nabcde\r\nabcdef\nab")], 5), [
    { number: 1, text: "abcd" },
    { number: 2, text: "abcde" },
    { number: 3, text: undefined, problem: "line 3 is longer than 5 bytes" },
    { number: 4, text: "ab" },
  ]);
});
