import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MalformedError, toIndex, toTerm } from "@coracle/core";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  parseSegmentFileName,
  SEGMENT_HEADER_SIZE_MAX_BYTES,
  SEGMENT_HEADER_SIZE_MIN_BYTES,
  segmentFileName,
  type SegmentHeader,
  segmentHeaderSizeBytes,
} from "./segment_header.ts";

const headers: fc.Arbitrary<SegmentHeader> = fc.record({
  storeId: fc.uuid(),
  sequence: fc.maxSafeNat(),
  sizeBeforeBytes: fc.maxSafeNat(),
  lastIndex: fc.maxSafeNat().map(toIndex),
  lastTerm: fc.maxSafeNat().map(toTerm),
  hardState: fc.record({
    term: fc.maxSafeNat().map(toTerm),
    votedFor: fc.option(fc.string({ unit: "grapheme" }), { nil: undefined }),
  }),
});

function encoded(header: SegmentHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(segmentHeaderSizeBytes(header));
  assertEquals(encodeSegmentHeader(bytes, new DataView(bytes.buffer), header), bytes.length);
  return bytes;
}

Deno.test("a header comes back as it was written, whatever follows it", () => {
  fc.assert(fc.property(headers, fc.uint8Array({ maxLength: 50 }), (header, after) => {
    const bytes = encoded(header);
    const decoded = decodeSegmentHeader(new Uint8Array([...bytes, ...after]));
    assertEquals(decoded, { ok: true, header, sizeBytes: bytes.length });
    assert(bytes.length >= SEGMENT_HEADER_SIZE_MIN_BYTES);
    assert(bytes.length <= SEGMENT_HEADER_SIZE_MAX_BYTES);
  }));
});

Deno.test("a header with a changed byte, or without its end, is none", () => {
  fc.assert(
    fc.property(headers, fc.nat(), fc.integer({ min: 1, max: 255 }), (header, seed, mask) => {
      const bytes = encoded(header);
      const garbled = bytes.slice();
      garbled[seed % bytes.length]! ^= mask;
      assertFalse(decodeSegmentHeader(garbled).ok);
      assertFalse(decodeSegmentHeader(bytes.slice(0, seed % bytes.length)).ok);
    }),
  );
});

Deno.test("a header says what is wrong with it", () => {
  const bytes = encoded({
    storeId: "4f0c7bd2-94d8-4c3a-9d1f-3c1f6d8c2a11",
    sequence: 1,
    sizeBeforeBytes: 0,
    lastIndex: toIndex(0),
    lastTerm: toTerm(0),
    hardState: { term: toTerm(0), votedFor: undefined },
  });
  const problem = (at: number, value: number): unknown => {
    const garbled = bytes.slice();
    garbled[at] = value;
    const decoded = decodeSegmentHeader(garbled);
    return decoded.ok ? undefined : `${decoded.expected}, not ${decoded.found}`;
  };
  assertEquals(problem(0, 65), 'the magic "CORACLEL", not "AORACLEL"');
  assertEquals(problem(11, 2), "format version 1, not format version 2");
  assertEquals(problem(12, 1), "a header length from 80 to 80, not length 16777296");
});

Deno.test("a vote for a name that is too long is refused before anything is written", () => {
  const votedFor = "é".repeat(513);
  const hardState = { term: toTerm(1), votedFor };
  const header = { storeId: "", sequence: 1, sizeBeforeBytes: 0 };
  assertThrows(
    () =>
      segmentHeaderSizeBytes({ ...header, lastIndex: toIndex(0), lastTerm: toTerm(0), hardState }),
    MalformedError,
    "a server id of 1026 bytes is longer than 1024",
  );
});

Deno.test("file names are ordered as numbers, and nothing else is taken for one", () => {
  assertEquals(segmentFileName(7, 12345), "00000007-00000000000000012345.log");
  assertEquals(parseSegmentFileName("00000007-00000000000000012345.log"), {
    sequence: 7,
    nextIndex: 12345,
  });
  assertEquals(parseSegmentFileName(segmentFileName(123456789, 1))?.sequence, 123456789);
  for (
    const name of [
      "00000007-00000000000000012345.log.tmp",
      "7-12345.log",
      "000000007-00000000000000012345.log",
      "00000007-00000000000000012345.LOG",
      "identity.json",
    ]
  ) assertEquals(parseSegmentFileName(name), undefined, name);
});
