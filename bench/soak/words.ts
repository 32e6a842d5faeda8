/**
 * The words of a soak: each has a number, and each is better than the one before, so that the best words of a node show what it
 * has applied last.
 *
 * @module
 */

const PREFIX = "soak-";
const NUMBER_MAX = 10 ** 12;
const NUMBER_LENGTH = 13;

/** The word with `number`. All are of one length; of two the one with the higher number is the smaller text, and so the better word. */
export function wordOf(number: number): string {
  return PREFIX + String(NUMBER_MAX - number).padStart(NUMBER_LENGTH, "0");
}

/** The number of `word`; `undefined` if it is none of these words. */
export function numberOf(word: string): number | undefined {
  if (!word.startsWith(PREFIX) || word.length !== PREFIX.length + NUMBER_LENGTH) return undefined;
  const number = NUMBER_MAX - Number(word.slice(PREFIX.length));
  return Number.isInteger(number) && number >= 0 ? number : undefined;
}
