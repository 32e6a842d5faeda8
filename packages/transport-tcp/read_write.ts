/**
 * Reads and writes of all that is asked for, over streams that may do less at a time.
 *
 * @module
 */
import type { Stream } from "./stream_layer.ts";

/** Writes all of `bytes`. `progressed` is told of each part that got into the stream, with its size in bytes. */
export async function writeAll(
  stream: Stream,
  bytes: Uint8Array,
  progressed?: (count: number) => void,
): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const count = await stream.write(written === 0 ? bytes : bytes.subarray(written));
    progressed?.(count);
    written += count;
  }
}

/** Fills `into`; resolves to whether that was possible before the end. */
export async function readAll(stream: Stream, into: Uint8Array): Promise<boolean> {
  for (let filled = 0; filled < into.length;) {
    const count = await stream.read(into.subarray(filled));
    if (count === null) return false;
    filled += count;
  }
  return true;
}
