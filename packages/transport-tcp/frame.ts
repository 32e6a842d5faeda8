/**
 * The frame: what a connection carries after the handshake, in both directions.
 *
 * ```text
 *  0        4        8
 *  +--------+--------+------------------+
 *  | length | crc    | body             |
 *  +--------+--------+------------------+
 *  length   u32  bytes of the body
 *  crc      u32  CRC-32 (IEEE) of the body
 *  body          messages, one after another (message_codec.ts), or a part of a snapshot (snapshot_codec.ts)
 * ```
 *
 * All numbers are big-endian. A frame without a body (eight zero bytes) is a keep-alive. Where messages go, the side
 * that dialled sends one now and then, and the other side answers each with one; where a snapshot goes, the side that
 * receives it sends them.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { MalformedError } from "@coracle/core";

/** Bytes of a frame before its body. */
export const FRAME_HEADER_SIZE_BYTES = 8;

/** A frame without a body. Shared: do not write to it. */
export const KEEP_ALIVE_FRAME: Uint8Array<ArrayBuffer> = new Uint8Array(FRAME_HEADER_SIZE_BYTES);

/**
 * Writes the header of the frame that begins at `start` and whose body ends at `end`. `bytes` and
 * `view` are the same memory.
 */
export function sealFrame(bytes: Uint8Array, view: DataView, start: number, end: number): void {
  const bodyAt = start + FRAME_HEADER_SIZE_BYTES;
  view.setUint32(start, end - bodyAt);
  view.setUint32(start + 4, crc32(bytes.subarray(bodyAt, end)));
}

/** Throws {@linkcode MalformedError} unless a frame may have a body of `length` bytes. */
export function checkFrameLength(length: number, maxBytes: number): void {
  if (length > maxBytes) {
    throw new MalformedError(
      maxBytes === 0
        ? `a frame gives its length as ${length} bytes where only keep-alives are allowed`
        : `a frame gives its length as ${length} bytes; at most ${maxBytes} is allowed`,
    );
  }
}

/** Throws {@linkcode MalformedError} unless `crc` is the checksum of `body`. */
export function checkFrameBody(body: Uint8Array, crc: number): void {
  const actual = crc32(body);
  if (actual !== crc) {
    throw new MalformedError(
      `a frame of ${body.length} bytes has checksum ${hex(actual)}; its header says ${hex(crc)}`,
    );
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}
