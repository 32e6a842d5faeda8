/**
 * Frames as bytes, with whatever is in them.
 *
 * @module
 */
import type { Message } from "@coracle/core";
import { FRAME_HEADER_SIZE_BYTES, sealFrame } from "../frame.ts";
import { encodeMessage, messageSizeBytes } from "../message_codec.ts";

/** A frame with the bytes of `body`. */
export function frameOf(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRAME_HEADER_SIZE_BYTES + body.length);
  bytes.set(body, FRAME_HEADER_SIZE_BYTES);
  sealFrame(bytes, new DataView(bytes.buffer), 0, bytes.length);
  return bytes;
}

/** A frame with `message` in it. */
export function frameWith(message: Message): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(messageSizeBytes(message));
  encodeMessage(body, new DataView(body.buffer), 0, message);
  return frameOf(body);
}
