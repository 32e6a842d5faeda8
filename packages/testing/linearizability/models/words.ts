/**
 * The three best words of all that were added: longer ones first, of equally long ones the smaller first. Length and order
 * are those of the bytes in UTF-8. A word that equals one already there takes the next place.
 *
 * @module
 */
import type { Model } from "../model.ts";

/** What is asked of the words. */
export type WordsInput =
  /** Adds a word. */
  | { readonly type: "add"; readonly word: string }
  /** The three best. */
  | { readonly type: "best" };

/** The answer to "best": the best first, "" where there is none yet. An "add" is answered with nothing that tells. */
export type WordsOutput = readonly string[];

const NO_WORDS: readonly string[] = ["", "", ""];
const utf8 = new TextEncoder();

/** The state is the three best words. */
export const wordsModel: Model<readonly string[], WordsInput, WordsOutput> = {
  init: () => NO_WORDS,
  step: (state, input, output) => {
    switch (input.type) {
      case "add":
        return { state: withWord(state, input.word) };
      case "best":
        return output === undefined || state.every((word, at) => word === output[at])
          ? { state }
          : undefined;
    }
  },
  key: (state) => JSON.stringify(state),
  isRead: ({ type }) => type === "best",
  describe: (input, output) => {
    const what = input.type === "add" ? `add ${JSON.stringify(input.word)}` : "best";
    return output === undefined ? what : `${what} -> ${JSON.stringify(output)}`;
  },
};

function withWord(words: readonly string[], word: string): readonly string[] {
  if (!goesBefore(word, words.at(-1)!)) return words;
  // Behind those that are equal.
  return [...words, word].sort((a, b) => goesBefore(a, b) ? -1 : goesBefore(b, a) ? 1 : 0)
    .slice(0, NO_WORDS.length);
}

function goesBefore(word: string, other: string): boolean {
  const [a, b] = [utf8.encode(word), utf8.encode(other)];
  if (a.length !== b.length) return a.length > b.length;
  const at = a.findIndex((byte, place) => byte !== b[place]);
  return at !== -1 && a[at]! < b[at]!;
}
