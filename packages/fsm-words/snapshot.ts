/**
 * The bytes of a snapshot: the three words, joined by line feeds.
 *
 * A word that itself has a line feed does not survive this: it comes back as several. The format is
 * that of nodes in Go, with which ours must agree, so whoever takes words from clients has to refuse such
 * a word before it gets into the log.
 *
 * @module
 */
import { type BestWords, emptyWords } from "./words.ts";

const LINE_FEED = 0x0a;

/** The snapshot of `words`: three lines, the last one without a line feed. */
export function encodeWords(words: BestWords): Uint8Array<ArrayBuffer> {
  const [first, second, third] = words;
  const bytes = new Uint8Array(first.length + second.length + third.length + 2);
  bytes.set(first);
  bytes[first.length] = LINE_FEED;
  bytes.set(second, first.length + 1);
  bytes[first.length + 1 + second.length] = LINE_FEED;
  bytes.set(third, first.length + second.length + 2);
  return bytes;
}

/**
 * The inverse of {@linkcode encodeWords}. As in Go, whatever bytes it gets: lines that are missing are
 * empty words, lines after the third are left out. The words are copies.
 */
export function decodeWords(bytes: Uint8Array): BestWords {
  const lines: Uint8Array[] = [];
  for (let start = 0; lines.length < 3 && start <= bytes.length;) {
    const found = bytes.indexOf(LINE_FEED, start);
    const end = found < 0 ? bytes.length : found;
    lines.push(bytes.slice(start, end));
    start = end + 1;
  }
  return [lines[0] ?? emptyWords[0], lines[1] ?? emptyWords[1], lines[2] ?? emptyWords[2]];
}
