/**
 * A snapshot's bytes on a connection, made by hand.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { assertEquals } from "@std/assert";
import { joined } from "@coracle/testing";
import { DataFrame, encodeEnd, encodeHeader } from "../snapshot_codec.ts";
import { dataOf, headerOf } from "./snapshots.ts";

export const NEVER = new AbortController().signal;
export const DATA = dataOf(1000);
export const CRC = crc32(DATA);

export function dataFrame(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new DataFrame();
  assertEquals(frame.add(data), data.length);
  return frame.take().slice();
}

/** A frame header that announces `length` bytes. */
export function announce(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

export const HEADER = encodeHeader(headerOf(1000));
export const WHOLE = joined([HEADER, dataFrame(DATA), encodeEnd(1000, CRC)]);
