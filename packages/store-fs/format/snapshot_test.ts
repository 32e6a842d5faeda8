import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { type Suffrage, toIndex, toTerm } from "@coracle/core";
import { BLOCK_DATA_AT, BLOCK_EXTRA_SIZE_BYTES, checkBlock, sealBlock } from "./snapshot_block.ts";
import {
  BLOCK_SIZE_MAX_BYTES,
  BLOCK_SIZE_MIN_BYTES,
  decodeSnapshotHeader,
  encodeSnapshotHeader,
  parseSnapshotAsideName,
  parseSnapshotFileName,
  SNAPSHOT_HEADER_SIZE_BYTES,
  snapshotAsideName,
  snapshotFileName,
  snapshotId,
} from "./snapshot_header.ts";
import {
  decodeSnapshotTrailer,
  encodeSnapshotTrailer,
  TRAILER_END_SIZE_BYTES,
  trailerSizeBytes,
} from "./snapshot_trailer.ts";

const uint53 = fc.nat(Number.MAX_SAFE_INTEGER);
const header = fc.record({
  storeId: fc.uuid(),
  sequence: uint53,
  blockSizeBytes: fc.integer({ min: BLOCK_SIZE_MIN_BYTES, max: BLOCK_SIZE_MAX_BYTES }),
});
const trailer = fc.record({
  dataChecksum: fc.nat(0xffffffff),
  sizeBytes: uint53,
  createdAtMs: uint53,
  lastIncludedIndex: uint53.map(toIndex),
  lastIncludedTerm: uint53.map(toTerm),
  configuration: fc.record({
    index: uint53.map(toIndex),
    configuration: fc.record({
      servers: fc.array(fc.record({
        id: fc.string({ unit: "binary" }),
        address: fc.string(),
        suffrage: fc.constantFrom<Suffrage>("voter", "nonvoter", "staging"),
      })),
    }),
  }),
});

Deno.test("a header is read as it was written, and gives the checksum that it ends with", () => {
  fc.assert(fc.property(header, (given) => {
    const bytes = encodeSnapshotHeader(given);
    const checksum = new DataView(bytes.buffer).getUint32(SNAPSHOT_HEADER_SIZE_BYTES - 4, true);
    assertEquals(decodeSnapshotHeader(bytes), { ok: true, header: given, checksum });
  }));
});

Deno.test("a trailer is read as it was written, and found from its end", () => {
  fc.assert(fc.property(trailer, (given) => {
    const bytes = encodeSnapshotTrailer(given);
    assertEquals(trailerSizeBytes(bytes.subarray(-TRAILER_END_SIZE_BYTES)), bytes.length);
    assertEquals(decodeSnapshotTrailer(bytes), { ok: true, trailer: given });
  }));
});

Deno.test("of a header or trailer, no byte can be changed unseen, and what is wrong is said", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        header.map((given) => ({ bytes: encodeSnapshotHeader(given), isHeader: true })),
        trailer.map((given) => ({ bytes: encodeSnapshotTrailer(given), isHeader: false })),
      ),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      ({ bytes, isHeader }, at, mask) => {
        bytes[at % bytes.length]! ^= mask;
        const decoded = isHeader ? decodeSnapshotHeader(bytes) : decodeSnapshotTrailer(bytes);
        assert(!decoded.ok && decoded.expected !== "" && decoded.expected !== decoded.found);
      },
    ),
  );
});

Deno.test("a header that is right in itself, but that no program may have written, is refused", () => {
  const given = { storeId: crypto.randomUUID() as string, sequence: 1 };
  for (const blockSizeBytes of [0, BLOCK_SIZE_MIN_BYTES - 1, BLOCK_SIZE_MAX_BYTES + 1]) {
    const decoded = decodeSnapshotHeader(encodeSnapshotHeader({ ...given, blockSizeBytes }));
    assert(!decoded.ok);
    assertEquals(decoded.expected, "blocks of 64 to 16777216 bytes");
  }
  for (let size = 0; size < SNAPSHOT_HEADER_SIZE_BYTES; size += 1) {
    const bytes = encodeSnapshotHeader({ ...given, blockSizeBytes: 64 }).slice(0, size);
    assertEquals(decodeSnapshotHeader(bytes).ok, false);
  }
});

Deno.test("a block is right only after the one that it was written after", () => {
  const sealed = (before: number, ...data: number[]): [Uint8Array<ArrayBuffer>, number] => {
    const bytes = new Uint8Array(data.length + BLOCK_EXTRA_SIZE_BYTES);
    bytes.set(data, BLOCK_DATA_AT);
    return [bytes, sealBlock(bytes, new DataView(bytes.buffer), data.length, before)];
  };
  fc.assert(
    fc.property(
      fc.array(fc.nat(255), { minLength: 1 }),
      fc.nat(0xffffffff),
      fc.nat(0xffffffff),
      (data, before, other) => {
        fc.pre(before !== other);
        const [bytes, checksum] = sealed(before, ...data);
        assertEquals(checkBlock(bytes, before), { ok: true, checksum });
        assertEquals(checkBlock(bytes, other).ok, false);
        assertNotEquals(sealed(other, ...data)[1], checksum, "and so on, to the last block");
        const longer = new Uint8Array(bytes.length + 1);
        longer.set(bytes);
        assertEquals(checkBlock(longer, before).ok, false);
      },
    ),
  );
});

Deno.test("names are those that are given, and no others", () => {
  fc.assert(fc.property(uint53, uint53, uint53, (term, index, sequence) => {
    const point = {
      lastIncludedIndex: toIndex(index),
      lastIncludedTerm: toTerm(term),
      configuration: { index: toIndex(0), configuration: { servers: [] } },
    };
    const name = snapshotFileName(snapshotId(point, sequence));
    assertEquals(parseSnapshotFileName(name), { term, index, sequence });
    assertEquals(parseSnapshotAsideName(snapshotAsideName(sequence)), sequence);
    assertEquals(parseSnapshotFileName(snapshotAsideName(sequence)), undefined);
    assertEquals(parseSnapshotAsideName(name), undefined);
  }));
  for (const name of ["", "1-2.snap", "01-2-3.snap", "1-2-3.snap.tmp", "x1-2-3.snap", "1-2-3"]) {
    assertEquals(parseSnapshotFileName(name), undefined, name);
  }
  for (const name of ["", "tmp", "1.tmp", "1.snap", "1-2-3.snap.tmp", "x.snap.tmp"]) {
    assertEquals(parseSnapshotAsideName(name), undefined, name);
  }
});
