/**
 * Kept inputs: those that once made something fail, or that nobody would hit upon.
 *
 * ```text
 * # A line of words begins with a number sign.
 * 0000000c 02000000   a frame that ends before its body
 *   nothing at all
 * ```
 *
 * Each line is an input in hexadecimal digits, then at least two spaces, then what it is. Between the digits there may be
 * single spaces; an input without bytes is a line that begins with two spaces.
 *
 * @module
 */

/** An input that is kept. */
export interface KeptInput {
  /** The input. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What it is. */
  readonly what: string;
}

/** The inputs of a corpus. Throws for a line that is none. */
export function parseCorpus(text: string): KeptInput[] {
  return text.split("\n").flatMap((line, number) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const end = line.indexOf("  ");
    const digits = line.slice(0, Math.max(0, end)).replaceAll(" ", "");
    const what = line.slice(end).trim();
    if (end === -1 || what === "" || !/^([0-9a-f]{2})*$/.test(digits)) {
      throw new Error(
        `line ${number + 1} of a corpus is ${JSON.stringify(line.slice(0, 80))}; allowed is an ` +
          `even number of hexadecimal digits, two spaces, and what it is`,
      );
    }
    return [{ bytes: fromHex(digits), what }];
  });
}

/** A line of a corpus, to be kept. */
export function corpusLine(bytes: Uint8Array, what: string): string {
  return `${toHex(bytes)}  ${what}`;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(digits: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = parseInt(digits.slice(2 * at, 2 * at + 2), 16);
  }
  return bytes;
}
