/**
 * The words machine as a replicated state machine: each command is a word, each response its place.
 *
 * @module
 */
import { type Entry, type Fsm, type Index, NO_INDEX } from "@coracle/core";
import { decodeWords, encodeWords } from "./snapshot.ts";
import { type BestWords, emptyWords, insertWord, type WordPlace, wordText } from "./words.ts";

/** Keeps the three best words of all that were applied. See {@linkcode insertWord} for the rule. */
export class WordsFsm implements Fsm<WordPlace> {
  #words: BestWords = emptyWords;
  #lastIndex: Index = NO_INDEX;

  /** Takes the entry's data as a word, whatever its bytes. Returns the place that it took. */
  apply(entry: Entry): WordPlace {
    const { words, place } = insertWord(this.#words, entry.data);
    this.#words = words;
    this.#lastIndex = entry.index;
    return place;
  }

  /** The three words of this moment. They are never changed, so no copy is needed. */
  snapshot(): Iterable<Uint8Array> {
    return [encodeWords(this.#words)];
  }

  /** The words of a snapshot. */
  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of data) chunks.push(chunk);
    this.#words = decodeWords(new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer()));
  }

  /** The three best words as bytes; no bytes where there is none yet. */
  get words(): BestWords {
    return this.#words;
  }

  /** Index of the last command that was applied; 0 before the first one. */
  get lastIndex(): Index {
    return this.#lastIndex;
  }

  /** The three best words as text, the best first; empty where there is none yet. */
  bestWords(): [string, string, string] {
    const [first, second, third] = this.#words;
    return [wordText(first), wordText(second), wordText(third)];
  }
}
