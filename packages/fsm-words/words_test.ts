/**
 * The rule of the words machine against an independent reading of it: the best three of all words in
 * byte order, whatever the order in which they came.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type BestWords, compareWords, emptyWords, insertWord, wordText } from "./words.ts";

const encoder = new TextEncoder();

function insertAll(words: readonly Uint8Array[]): BestWords {
  return words.reduce<BestWords>((best, word) => insertWord(best, word).words, emptyWords);
}

function bestOf(...words: string[]): string[] {
  return insertAll(words.map((word) => encoder.encode(word))).map(wordText);
}

function hex(word: Uint8Array): string {
  return Array.from(word, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The specification: hexadecimal digits stand in the same order as the bytes that they show, so all
 * words, as digits, are sorted by length and then as text, and the first three are the best.
 */
function specified(words: readonly Uint8Array[]): string[] {
  const sorted = words.map(hex).toSorted((a, b) =>
    a.length !== b.length ? b.length - a.length : a < b ? -1 : a > b ? 1 : 0
  );
  return [...sorted, "", "", ""].slice(0, 3);
}

/** Short words over few bytes, so that equal, prefixed and equally long ones come often; some are not UTF-8. */
const anyWord = fc.oneof(
  fc.array(fc.constantFrom(0x00, 0x61, 0x62, 0xc3, 0xff), { maxLength: 4 })
    .map((bytes) => Uint8Array.from(bytes)),
  fc.string({ unit: "grapheme", maxLength: 3 }).map((text) => encoder.encode(text)),
);

Deno.test("the longest three words in byte order are kept, whatever order they came in", () => {
  fc.assert(fc.property(fc.array(anyWord, { maxLength: 12 }), (words) => {
    assertEquals(insertAll(words).map(hex), specified(words));
  }));
});

Deno.test("a word's place is where it stands afterwards, and none if nothing changed", () => {
  fc.assert(fc.property(fc.array(anyWord, { maxLength: 6 }), anyWord, (words, word) => {
    const before = insertAll(words);
    const { words: after, place } = insertWord(before, word);
    if (place === undefined) {
      assertEquals(after, before);
    } else {
      const expected = before.toSpliced(place - 1, 0, word).slice(0, 3);
      assertEquals(after.map(hex), expected.map(hex));
      assert(place === 1 || compareWords(after[place - 2]!, word) <= 0);
    }
  }));
});

Deno.test("a longer word goes first, a smaller one goes before an equally long one", () => {
  assertEquals(bestOf("b", "a", "ccc", "dd"), ["ccc", "dd", "a"]);
});

Deno.test("the same word fills several places", () => {
  assertEquals(bestOf("oar", "oar"), ["oar", "oar", ""]);
  assertEquals(bestOf("oar", "oar", "oar", "oar"), ["oar", "oar", "oar"]);
  assertEquals(bestOf("oar", "paddle", "oar"), ["paddle", "oar", "oar"]);
});

Deno.test("length counts bytes of UTF-8, not UTF-16 units", () => {
  // The ligature is one unit and three bytes, "ab" is two of each.
  assertEquals(bestOf("ab", "\ufb00"), ["\ufb00", "ab", ""]);
});

Deno.test("order compares bytes of UTF-8, not UTF-16 units", () => {
  // Both have four bytes: 0xEF… goes before 0xF0…. As units the canoe, 0xD83D…, goes before 0xFF5E.
  const tilde = "\uff5ex";
  const canoe = "\u{1f6f6}";
  assertEquals(bestOf(canoe, tilde), [tilde, canoe, ""]);
  assert(canoe < tilde, "JavaScript's own order is the other one");
});

Deno.test("an empty word takes no place", () => {
  assertEquals(insertWord(emptyWords, new Uint8Array(0)).place, undefined);
});

Deno.test("a word that is kept is a copy", () => {
  const shared = encoder.encode("oar");
  const { words } = insertWord(emptyWords, shared);
  shared.fill(0);
  assertEquals(wordText(words[0]), "oar");
});

Deno.test("a word is shown as it is, with a byte order mark if it has one", () => {
  assertEquals(wordText(encoder.encode("\ufeffoar")), "\ufeffoar");
});
