/**
 * Snapshots for tests: headers, sources, and receivers.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import {
  type Index,
  type SnapshotHeader,
  type Suffrage,
  type Term,
  toIndex,
  toTerm,
} from "@coracle/core";
import fc from "fast-check";
import type { TakeSnapshot } from "./support.ts";

/** The header of a snapshot with `sizeBytes` of data. */
export function headerOf(sizeBytes: number): SnapshotHeader {
  return {
    term: toTerm(3),
    lastIncludedIndex: toIndex(100),
    lastIncludedTerm: toTerm(2),
    configuration: {
      index: toIndex(1),
      configuration: { servers: [{ id: "a", address: "a:1", suffrage: "voter" }] },
    },
    sizeBytes,
  };
}

const server = fc.record({
  id: fc.string({ unit: "grapheme", maxLength: 20 }),
  address: fc.string({ unit: "grapheme", maxLength: 20 }),
  suffrage: fc.constantFrom<Suffrage>("voter", "nonvoter", "staging"),
});

/** Any header. */
export const anyHeader: fc.Arbitrary<SnapshotHeader> = fc.record({
  term: fc.maxSafeNat().map((n) => n as Term),
  lastIncludedIndex: fc.maxSafeNat().map((n) => n as Index),
  lastIncludedTerm: fc.maxSafeNat().map((n) => n as Term),
  configuration: fc.record({
    index: fc.constant(0 as Index),
    configuration: fc.record({ servers: fc.array(server, { maxLength: 5 }) }),
  }),
  sizeBytes: fc.maxSafeNat(),
});

/** `sizeBytes` of data that is not the same anywhere. */
export function dataOf(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(sizeBytes);
  const view = new DataView(data.buffer);
  for (let at = 0; at + 4 <= sizeBytes; at += 4) view.setUint32(at, Math.imul(at, 2654435761));
  return data;
}

/** What is known of a source. */
export interface Source extends AsyncIterable<Uint8Array> {
  /** Bytes that were pulled from it. */
  readonly pulledBytes: number;
  /** Whether it was let go of, or came to its end. */
  readonly released: boolean;
}

/** Gives `chunks`, and remembers how far that went. */
export function sourceOf(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Source {
  const source = {
    pulledBytes: 0,
    released: false,
    async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
      try {
        for await (const chunk of chunks) {
          source.pulledBytes += chunk.length;
          yield chunk;
        }
      } finally {
        source.released = true;
      }
    },
  };
  return source;
}

/** `data` in pieces of `sizeBytes`. */
export function* piecesOf(data: Uint8Array, sizeBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < data.length; at += sizeBytes) yield data.subarray(at, at + sizeBytes);
}

/** What a receiver got. */
export interface Received {
  /** The sender. */
  readonly from: string;
  /** What it said first. */
  readonly header: SnapshotHeader;
  /** Bytes of data. */
  sizeBytes: number;
  /** Their checksum. */
  crc: number;
  /** What ended the data, if it was not the sender. */
  error: Error | undefined;
}

/** Takes snapshots, and adds what it gets to `received`. */
export function receiver(received: Received[]): TakeSnapshot {
  return async (from, header, data) => {
    const one: Received = { from, header, sizeBytes: 0, crc: 0, error: undefined };
    received.push(one);
    try {
      for await (const chunk of data) {
        one.sizeBytes += chunk.length;
        one.crc = crc32(chunk, one.crc);
      }
    } catch (error) {
      one.error = error as Error;
      throw error;
    }
  };
}
