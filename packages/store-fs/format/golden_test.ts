/**
 * The exact bytes of version 1. They change only together with the version.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { EntryRun, NO_BYTES, toIndex, toTerm } from "@coracle/core";
import { vote } from "../_testing/logs.ts";
import { batchSizeBytes, encodeBatch } from "./batch.ts";
import { summarize } from "./change.ts";
import { isIntact, segmentSalt } from "./checksum.ts";
import { storeIdBytes } from "./identity.ts";
import { encodeSegmentHeader, segmentHeaderSizeBytes } from "./segment_header.ts";
import { sealBlock } from "./snapshot_block.ts";
import { encodeSnapshotHeader } from "./snapshot_header.ts";
import { encodeSnapshotTrailer } from "./snapshot_trailer.ts";

const STORE_ID = "4f0c7bd2-94d8-4c3a-9d1f-3c1f6d8c2a11";

/** Bytes in hexadecimal, spaces ignored. */
function bytesOf(...lines: string[]): Uint8Array {
  return Uint8Array.from(lines.join("").match(/[0-9a-f]{2}/g)!, (byte) => parseInt(byte, 16));
}

Deno.test("format 1: a segment header", () => {
  const header = {
    storeId: STORE_ID,
    sequence: 7,
    sizeBeforeBytes: 0x12345,
    lastIndex: toIndex(2 ** 40),
    lastTerm: toTerm(5),
    hardState: vote(6, "n1"),
  };
  const bytes = new Uint8Array(segmentHeaderSizeBytes(header));
  encodeSegmentHeader(bytes, new DataView(bytes.buffer), header);
  assertEquals(
    bytes,
    bytesOf(
      "434f5241434c454c 00000001 00000052", // CORACLEL, version, length
      "4f0c7bd294d84c3a9d1f3c1f6d8c2a11", // identity
      "0000000000000007 0000000000012345", // sequence, sizeBefore
      "0000010000000000 0000000000000005", // lastIndex, lastTerm
      "0000000000000006 00000002 6e31", // term, vote
      "551b4206", // checksum,
    ),
  );
});

Deno.test("format 1: a batch with every frame", () => {
  const proposal = (type: "command" | "configuration", text: string) => ({
    type,
    data: new TextEncoder().encode(text),
    extensions: NO_BYTES,
  });
  const runs = [
    EntryRun.encode(toIndex(11), toTerm(5), 1.5, [proposal("command", "ab")]),
    EntryRun.encode(toIndex(12), toTerm(6), 2, [proposal("configuration", "{}")]),
  ];
  const cut = { kind: "truncate", lastIndex: toIndex(10), lastTerm: toTerm(5) } as const;
  const change = { hardState: vote(6), cut, entries: summarize(runs), runs };
  const salt = segmentSalt(storeIdBytes(STORE_ID), 7);
  assertEquals(salt, 0x4c8f104b);
  const bytes = new Uint8Array(batchSizeBytes(change));
  const place = { salt, offset: 0x52, syncedBytes: 0 };
  encodeBatch(bytes, new DataView(bytes.buffer), 0, place, change);
  assertEquals(
    bytes,
    bytesOf(
      "000000c4 4c8f104b 00000052 00000000", // length, salt, offset, synced
      "68617264 00000014 0000000000000006 ffffffff", // hard
      "74726e63 00000018 000000000000000a 0000000000000005", // trnc
      "656e7472 00000080 000000000000000b 0000000000000005", // entr: size, firstIndex, firstTerm
      "00000002 00000001 00000001", // count, terms, confs
      "000000000000000c 0000000000000006", // term 6 begins at 12
      "000000000000000c", // 12 is a configuration
      "00000022 01000000 000000000000000b 0000000000000005 3ff8000000000000 6162",
      "00000022 04000000 000000000000000c 0000000000000006 4000000000000000 7b7d",
      "636f6d6d", // comm
      "935416e5", // checksum
    ),
  );
  assertEquals(isIntact(bytes), true);
  const reset = { ...change, cut: { ...cut, kind: "reset" as const } };
  encodeBatch(bytes, new DataView(bytes.buffer), 0, place, reset);
  assertEquals(bytes.subarray(36, 40), bytesOf("72736574"));
});

Deno.test("format 1: a snapshot", () => {
  const header = encodeSnapshotHeader({ storeId: STORE_ID, sequence: 3, blockSizeBytes: 262144 });
  assertEquals(
    header,
    bytesOf(
      "434f5241434c4553 00000001 00000030", // CORACLES, version, length
      "4f0c7bd294d84c3a9d1f3c1f6d8c2a11", // identity
      "0000000000000003 00040000", // sequence, block
      "cbf2c0f8", // checksum
    ),
  );
  const block = new Uint8Array([0, 0, 0, 0, 0x61, 0x62, 0x63, 0, 0, 0, 0]);
  const checksum = sealBlock(block, new DataView(block.buffer), 3, 0xf8c0f2cb);
  assertEquals(block, bytesOf("00000003 616263 b04d3b79")); // length, data, checksum
  assertEquals(
    encodeSnapshotTrailer({
      dataChecksum: checksum,
      sizeBytes: 3,
      createdAtMs: 0x19abcdef012,
      lastIncludedIndex: toIndex(2 ** 40),
      lastIncludedTerm: toTerm(5),
      configuration: {
        index: toIndex(7),
        configuration: { servers: [{ id: "n1", address: "h:1", suffrage: "voter" }] },
      },
    }),
    bytesOf(
      "7461696c 793b4db0", // tail, data
      "0000000000000003 0000010000000000 0000000000000005", // size, lastIndex, lastTerm
      "0000019abcdef012 0000000000000007", // created, configIndex
      "7b2273657276657273223a5b7b226964223a226e31222c2261646472657373223a22683a31222c22",
      "7375666672616765223a22766f746572227d5d7d", // {"servers":[{"id":"n1","address":"h:1",…}]}
      "00000074 cf8f9231", // length, checksum
    ),
  );
});
