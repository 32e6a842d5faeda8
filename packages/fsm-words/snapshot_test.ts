/**
 * Snapshot bytes: examples of the format, and that they lead back to the same words.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodeWords, encodeWords } from "./snapshot.ts";
import { type BestWords, emptyWords, wordText } from "./words.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function textOf(words: BestWords): string[] {
  return words.map(wordText);
}

Deno.test("a snapshot is the three words joined by line feeds", () => {
  const words: BestWords = [
    encoder.encode("coracle"),
    encoder.encode("oar"),
    encoder.encode("é"),
  ];
  assertEquals(decoder.decode(encodeWords(words)), "coracle\noar\né");
  assertEquals(decoder.decode(encodeWords(emptyWords)), "\n\n");
});

Deno.test("lines that are missing are empty words, lines after the third are left out", () => {
  assertEquals(textOf(decodeWords(encoder.encode(""))), ["", "", ""]);
  assertEquals(textOf(decodeWords(encoder.encode("oar"))), ["oar", "", ""]);
  assertEquals(textOf(decodeWords(encoder.encode("a\nb\nc\nd"))), ["a", "b", "c"]);
});

Deno.test("words without a line feed come back as they were", () => {
  const word = fc.uint8Array({ maxLength: 8 }).map((bytes) => bytes.filter((byte) => byte !== 10));
  fc.assert(fc.property(word, word, word, (first, second, third) => {
    const words: BestWords = [first, second, third];
    assertEquals(
      decodeWords(encodeWords(words)).map((bytes) => [...bytes]),
      words.map((bytes) => [...bytes]),
    );
  }));
});
