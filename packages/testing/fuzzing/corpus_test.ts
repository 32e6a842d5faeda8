/**
 * Kept inputs are read as they were written.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { corpusLine, parseCorpus } from "./corpus.ts";

Deno.test("a corpus is read: comments, empty lines, spaces between digits, an input without bytes", () => {
  const text = "# Frames.\n\n00ff 01  three bytes\n  nothing at all\n7f    one, and what it is\n";
  assertEquals(parseCorpus(text), [
    { bytes: Uint8Array.of(0, 255, 1), what: "three bytes" },
    { bytes: new Uint8Array(0), what: "nothing at all" },
    { bytes: Uint8Array.of(127), what: "one, and what it is" },
  ]);
  assertEquals(parseCorpus(""), []);
});

Deno.test("a line that is kept is read again", () => {
  const bytes = Uint8Array.of(0, 10, 255);
  assertEquals(parseCorpus(corpusLine(bytes, "a few")), [{ bytes, what: "a few" }]);
});

Deno.test("lines that are none are refused, with their number", () => {
  for (const line of ["0  half a byte", "00", "xy  no digits", "00  ", "00 what it is"]) {
    const message = "line 2 of a corpus is ";
    assertThrows(() => parseCorpus(`00  right\n${line}`), Error, message);
  }
});
