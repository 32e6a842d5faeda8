/**
 * What decodes bytes in the words machine, to be fuzzed.
 *
 * @module
 */
import { toIndex, toTerm } from "@coracle/core";
import type { FuzzTarget } from "@coracle/testing/fuzzing";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { WordsFsm } from "../fsm.ts";
import { decodeWords, encodeWords } from "../snapshot.ts";

const word = fc.uint8Array({ maxLength: 8 });

const snapshots: FuzzTarget = {
  name: "the words in a snapshot",
  valid: fc.tuple(word, word, word).map(([first, second, third]) =>
    encodeWords([first, second, third].map((bytes) => bytes.filter((byte) => byte !== 10)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ])
  ),
  // Whatever it gets, as in Go.
  errors: [],
  corpus: `
  no bytes
0a  two words that are empty
0a0a0a0a  more lines than words
ff0a00  bytes that are no text
efbbbf61  a byte order mark`,
  async decode(bytes) {
    const words = decodeWords(bytes);
    assertEquals(decodeWords(encodeWords(words)), words);
    const fsm = new WordsFsm();
    await fsm.restore(ReadableStream.from([bytes.subarray(0, 3), bytes.subarray(3)]));
    assertEquals(fsm.words, words);
    fsm.apply({
      index: toIndex(1),
      term: toTerm(1),
      type: "command",
      data: bytes,
      extensions: new Uint8Array(),
      appendedAtMs: 0,
    });
    fsm.bestWords();
  },
};

/** All of them. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [snapshots];
