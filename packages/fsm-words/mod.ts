/**
 * `@coracle/fsm-words`: an example state machine that keeps the three longest words it was given,
 * byte for byte as the well-known example for hashicorp/raft does.
 *
 * @example The three best of four words
 * ```ts
 * import { emptyWords, insertWord, wordText } from "@coracle/fsm-words";
 * import { assertEquals } from "@std/assert";
 *
 * let words = emptyWords;
 * for (const word of ["oar", "paddle", "keel", "hull"]) {
 *   words = insertWord(words, new TextEncoder().encode(word)).words;
 * }
 * assertEquals(words.map(wordText), ["paddle", "hull", "keel"]);
 * ```
 *
 * @module
 */
export {
  type BestWords,
  compareWords,
  emptyWords,
  insertWord,
  type WordPlace,
  wordText,
} from "./words.ts";
export { decodeWords, encodeWords } from "./snapshot.ts";
export { WordsFsm } from "./fsm.ts";
