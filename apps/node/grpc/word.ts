/**
 * What a word from a client must be, however it comes.
 *
 * @module
 */
import { invalidArgument } from "./status.ts";

const LINE_FEED = 0x0a;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** Refuses what the words machine cannot hold; a line feed would be two words in a snapshot. `name`: what the caller calls it. */
export function checkWord(bytes: Uint8Array, sizeMaxBytes: number, name = "the word"): void {
  if (bytes.length === 0 || bytes.length > sizeMaxBytes) {
    throw invalidArgument(
      `${name} has ${bytes.length} bytes of UTF-8; allowed are 1 to ${sizeMaxBytes}`,
    );
  }
  if (bytes.includes(LINE_FEED)) {
    throw invalidArgument(`${name} has a line feed; allowed is a word without one`);
  }
  try {
    strictUtf8.decode(bytes);
  } catch {
    throw invalidArgument(`${name} is not UTF-8; allowed is a word that is`);
  }
}
