/**
 * Lines of text from bytes, with what is wrong with those that are no text.
 *
 * @module
 */

/** A line, or what is wrong with it. */
export interface Line {
  /** Where it stands, from 1. */
  readonly number: number;
  /** The line without its end, or `undefined` if it is no text or too long. */
  readonly text: string | undefined;
  /** What is wrong, if `text` is `undefined`. */
  readonly problem?: string;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The lines of `chunks`, empty ones left out. A line ends with `\n` or `\r\n`. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  sizeMaxBytes: number,
): AsyncGenerator<Line> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let parts: Uint8Array[] = [];
  let sizeBytes = 0;
  let number = 0;
  const add = (part: Uint8Array) => {
    sizeBytes += part.length;
    // One more than allowed, since a carriage return does not count.
    if (sizeBytes <= sizeMaxBytes + 1) parts.push(part.slice());
  };
  const take = (): Line | undefined => {
    number += 1;
    const bytes = withoutReturn(joined(parts));
    const tooLong = bytes.length > sizeMaxBytes || sizeBytes > sizeMaxBytes + 1;
    parts = [];
    sizeBytes = 0;
    if (tooLong) {
      const problem = `line ${number} is longer than ${sizeMaxBytes} bytes`;
      return { number, text: undefined, problem };
    }
    if (bytes.length === 0) return undefined;
    try {
      return { number, text: decoder.decode(bytes) };
    } catch {
      return { number, text: undefined, problem: `line ${number} is not valid UTF-8` };
    }
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end < 0) break;
      add(chunk.subarray(start, end));
      const line = take();
      if (line !== undefined) yield line;
      start = end + 1;
    }
    if (start < chunk.length) add(chunk.subarray(start));
  }
  const line = take();
  if (line !== undefined) yield line;
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
