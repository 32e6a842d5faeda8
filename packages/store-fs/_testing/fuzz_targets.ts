/**
 * Everything that decodes bytes from a disk, to be fuzzed: the formats, and stores that are opened on files of any content.
 *
 * @module
 */
import {
  MalformedError,
  NumberRangeError,
  type SnapshotStore,
  StorageError,
  toIndex,
  toTerm,
} from "@coracle/core";
import type { FuzzTarget } from "@coracle/testing/fuzzing";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { BATCH_SIZE_MIN_BYTES, decodeBatch } from "../format/batch.ts";
import { CHECKSUM_SIZE_BYTES, writeChecksum } from "../format/checksum.ts";
import { decodeIdentity, encodeIdentity } from "../format/identity.ts";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  SEGMENT_HEADER_SIZE_MIN_BYTES,
  segmentHeaderSizeBytes,
} from "../format/segment_header.ts";
import {
  decodeSnapshotHeader,
  encodeSnapshotHeader,
  SNAPSHOT_HEADER_SIZE_BYTES,
} from "../format/snapshot_header.ts";
import {
  decodeSnapshotTrailer,
  encodeSnapshotTrailer,
  TRAILER_SIZE_MIN_BYTES,
} from "../format/snapshot_trailer.ts";
import { inspectStore } from "../inspect.ts";
import { FsSnapshotStore } from "../snapshot_store.ts";
import { FsLogStore } from "../store.ts";
import { manyEntries, run, vote, write } from "./logs.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { collect, point, save, someData } from "./snapshots.ts";
import batchCorpus from "./corpus/batch.txt" with { type: "text" };
import identityCorpus from "./corpus/identity.txt" with { type: "text" };
import segmentCorpus from "./corpus/segment.txt" with { type: "text" };
import segmentHeaderCorpus from "./corpus/segment_header.txt" with { type: "text" };
import snapshotCorpus from "./corpus/snapshot.txt" with { type: "text" };

type Bytes = Uint8Array<ArrayBuffer>;

const UUID = "0f2e4d6c-8a9b-4cad-9e0f-112233445566";
const DIRECTORY = "/d";
const LOG = `${DIRECTORY}/log`;
const SNAPSHOTS = `${DIRECTORY}/snapshots`;

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function openLog(fs: MemoryDisk): Promise<FsLogStore> {
  return FsLogStore.open({ directory: DIRECTORY, fs, segmentSizeBytes: 1024, cacheSizeBytes: 0 });
}

function openSnapshots(fs: MemoryDisk): Promise<FsSnapshotStore> {
  return FsSnapshotStore.open({ directory: DIRECTORY, fs, blockSizeBytes: 64, retain: 3 });
}

/** A store with three segments, in which there is something of everything, and two snapshots. */
async function aStore(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const log = await FsLogStore.open({
    directory: DIRECTORY,
    fs: disk,
    segmentSizeBytes: 1024,
    newStoreId: () => UUID,
  });
  await log.persist([write({ hardState: vote(1, "n1"), entries: manyEntries(1, 1, 3) })]);
  await log.persist([write({ truncateFrom: 3, entries: run(3, 2, '{"servers":[]}', "b") })]);
  await log.persist([write({ entries: manyEntries(5, 2, 1, 800) })]);
  await log.persist([write({ hardState: vote(3), entries: manyEntries(6, 3, 1, 500) })]);
  await log.persist([write({ reset: [20, 3], entries: manyEntries(21, 3, 2) })]);
  await log.persist([write({ hardState: vote(4, "größe"), entries: manyEntries(23, 4, 1, 900) })]);
  await log.persist([
    write({ entries: manyEntries(24, 4, 2) }),
    write({ entries: manyEntries(26, 5, 3) }),
  ]);
  await log.persist([write({ truncateFrom: 28 })]);
  await log.close();
  const snapshots = await openSnapshots(disk);
  await save(snapshots, point(1, 5), someData(200, 1));
  await save(snapshots, point(3, 20), someData(64, 2));
  await snapshots.close();
  return disk;
}

const STORE = await aStore();
const SEGMENTS = STORE.paths().filter((path) => path.startsWith(`${LOG}/`));
const SNAPSHOT_FILES = STORE.paths().filter((path) => path.endsWith(".snap"));

/** What a store takes, whatever is in its files. */
const STORE_MEMORY_BYTES = 2 * 1024 * 1024;

/** A store whose file at `path` has any content. */
function storeWith(path: string, bytes: Bytes): MemoryDisk {
  const disk = STORE.afterProcessEnd();
  disk.plant(path, bytes);
  return disk;
}

/** Opens the log on `disk`; whatever it holds can be read, or is refused, and the store goes on. */
async function useLog(disk: MemoryDisk): Promise<void> {
  await inspectStore(DIRECTORY, { fs: disk });
  const log = await openLog(disk);
  let failure: unknown;
  const { firstIndex, lastIndex, hardState } = log;
  try {
    assert(firstIndex >= 1 && lastIndex >= firstIndex - 1);
    log.term(firstIndex);
    log.term(lastIndex);
    for (let index: number = firstIndex; index <= lastIndex;) {
      const run = log.read(toIndex(index), 100)!;
      assertEquals(run.firstIndex as number, index);
      index = run.lastIndex + 1;
    }
    // There is room for more, unless what it holds is at the end of all numbers.
    if (lastIndex < 2 ** 52 && (log.term(lastIndex) ?? 0) < 2 ** 52) {
      const term = Math.max(log.term(lastIndex) ?? 1, 1);
      await log.persist([write({ entries: manyEntries(lastIndex + 1, term, 1) })]);
    }
  } catch (error) {
    failure = error;
  } finally {
    await log.close();
  }
  assertEquals(disk.openCount, 0, "files that are left open");
  if (failure !== undefined) throw failure;
  // What it has repaired is repaired.
  const again = await openLog(disk);
  assertEquals([again.recovered, again.hardState], [[], hardState]);
  await again.close();
}

/** Opens the snapshots on `disk`; those that are listed can be read, or are refused. */
async function useSnapshots(disk: MemoryDisk): Promise<void> {
  await inspectStore(DIRECTORY, { fs: disk });
  const store = await openSnapshots(disk);
  const failures: unknown[] = [];
  try {
    for (const { id, sizeBytes } of store.list()) {
      await readOne(store, id, sizeBytes).catch((error) => failures.push(error));
    }
    await save(store, point(9, 99), someData(9, 9));
  } finally {
    await store.close();
  }
  assertEquals(disk.openCount, 0, "files that are left open");
  if (failures.length > 0) throw failures[0];
}

async function readOne(store: SnapshotStore, id: string, sizeBytes: number): Promise<void> {
  await using source = await store.open(id);
  assertEquals((await collect(source.read())).length, sizeBytes);
}

/** Gives a segment's header and its batches the checksums and the places that they would have, so that only what they say is wrong. */
function mendSegment(bytes: Bytes): Bytes {
  const view = viewOf(bytes);
  if (bytes.length < SEGMENT_HEADER_SIZE_MIN_BYTES) return bytes;
  const headerSize = view.getUint32(12);
  if (headerSize < SEGMENT_HEADER_SIZE_MIN_BYTES || headerSize > bytes.length) return bytes;
  writeChecksum(bytes, view, 0, headerSize - CHECKSUM_SIZE_BYTES);
  for (let at = headerSize; at + BATCH_SIZE_MIN_BYTES <= bytes.length;) {
    const length = view.getUint32(at);
    if (length < BATCH_SIZE_MIN_BYTES || at + length > bytes.length) break;
    view.setUint32(at + 8, at);
    writeChecksum(bytes, view, at, at + length - CHECKSUM_SIZE_BYTES);
    at += length;
  }
  return bytes;
}

/** Gives the end of some bytes the checksum that belongs there. */
function mendEnd(bytes: Bytes): Bytes {
  const at = bytes.length - CHECKSUM_SIZE_BYTES;
  if (at >= 0) writeChecksum(bytes, viewOf(bytes), 0, at);
  return bytes;
}

/** Where a segment's batches are. */
function batchesOf(bytes: Bytes): Bytes[] {
  const batches: Bytes[] = [];
  const view = viewOf(bytes);
  for (let at = view.getUint32(12); at + BATCH_SIZE_MIN_BYTES <= bytes.length;) {
    const length = view.getUint32(at);
    if (length < BATCH_SIZE_MIN_BYTES) break;
    batches.push(bytes.slice(at, at + length));
    at += length;
  }
  return batches;
}

const batches: FuzzTarget = {
  name: "a batch",
  valid: fc.constantFrom(...SEGMENTS.flatMap((path) => batchesOf(STORE.bytesOf(path)))),
  errors: [MalformedError, NumberRangeError],
  corpus: batchCorpus,
  decode(bytes) {
    // Shorter ones are told by their length.
    if (bytes.length < BATCH_SIZE_MIN_BYTES) return;
    const { entries } = decodeBatch(bytes, viewOf(bytes), 0, bytes.length);
    if (entries === undefined) return;
    assert(entries.start >= 0 && entries.end <= bytes.length && entries.start < entries.end);
    assert(entries.lastIndex >= entries.firstIndex);
  },
};

const segmentHeaders: FuzzTarget = {
  name: "a segment's header",
  valid: fc.record({
    storeId: fc.uuid(),
    sequence: fc.maxSafeNat(),
    sizeBeforeBytes: fc.maxSafeNat(),
    lastIndex: fc.maxSafeNat().map(toIndex),
    lastTerm: fc.maxSafeNat().map(toTerm),
    hardState: fc.record({
      term: fc.maxSafeNat().map(toTerm),
      votedFor: fc.option(fc.string({ unit: "grapheme", maxLength: 20 }), { nil: undefined }),
    }),
  }).map((header) => {
    const bytes = new Uint8Array(segmentHeaderSizeBytes(header));
    encodeSegmentHeader(bytes, viewOf(bytes), header);
    return bytes;
  }),
  errors: [],
  corpus: segmentHeaderCorpus,
  mend: mendEnd,
  decode(bytes) {
    const decoded = decodeSegmentHeader(bytes);
    if (!decoded.ok) return;
    const { header, sizeBytes } = decoded;
    const again = new Uint8Array(segmentHeaderSizeBytes(header));
    encodeSegmentHeader(again, viewOf(again), header);
    assertEquals(again, bytes.subarray(0, sizeBytes));
  },
};

function segmentTarget(name: string, path: string): FuzzTarget {
  return {
    name,
    valid: fc.constant(STORE.bytesOf(path)),
    errors: [StorageError],
    corpus: segmentCorpus,
    memoryMaxBytes: (sizeBytes) => STORE_MEMORY_BYTES + 256 * sizeBytes,
    mend: mendSegment,
    decode: (bytes) => useLog(storeWith(path, bytes)),
  };
}

const identities: FuzzTarget = {
  name: "a store's identity",
  valid: fc.record({
    storeId: fc.constant(UUID),
    nodeId: fc.option(fc.string({ unit: "grapheme", maxLength: 9 }), { nil: undefined }),
  }).map(encodeIdentity),
  errors: [StorageError],
  corpus: identityCorpus,
  memoryMaxBytes: (sizeBytes) => STORE_MEMORY_BYTES + 256 * sizeBytes,
  async decode(bytes) {
    const decoded = decodeIdentity(bytes);
    if (decoded.ok) {
      const again = decodeIdentity(encodeIdentity(decoded.identity));
      assertEquals(again, decoded);
    }
    await useLog(storeWith(`${DIRECTORY}/identity.json`, bytes));
  },
};

const snapshotHeaders: FuzzTarget = {
  name: "a snapshot's header",
  valid: fc.record({
    storeId: fc.uuid(),
    sequence: fc.maxSafeNat(),
    blockSizeBytes: fc.integer({ min: 64, max: 1 << 24 }),
  }).map(encodeSnapshotHeader),
  errors: [],
  corpus: snapshotCorpus,
  mend: (bytes) => mendEnd(bytes.subarray(0, SNAPSHOT_HEADER_SIZE_BYTES)),
  decode(bytes) {
    const decoded = decodeSnapshotHeader(bytes.subarray(0, SNAPSHOT_HEADER_SIZE_BYTES));
    if (decoded.ok) assertEquals(encodeSnapshotHeader(decoded.header), bytes.subarray(0, 48));
  },
};

const snapshotTrailers: FuzzTarget = {
  name: "a snapshot's trailer",
  valid: fc.record({ index: fc.maxSafeNat(), term: fc.maxSafeNat(), checksum: fc.nat() })
    .map(({ index, term, checksum }) =>
      encodeSnapshotTrailer({
        ...point(term, index),
        dataChecksum: checksum,
        sizeBytes: index,
        createdAtMs: term,
      })
    ),
  errors: [],
  corpus: snapshotCorpus,
  mend: mendEnd,
  decode(bytes) {
    // Shorter ones are not looked at.
    if (bytes.length < TRAILER_SIZE_MIN_BYTES) return;
    const decoded = decodeSnapshotTrailer(bytes);
    if (!decoded.ok) return;
    const again = decodeSnapshotTrailer(encodeSnapshotTrailer(decoded.trailer));
    assertEquals(again, decoded);
  },
};

/** Gives a snapshot's trailer the checksum that it would have. */
function mendSnapshot(bytes: Bytes): Bytes {
  const size = bytes.length < 8 ? 0 : viewOf(bytes).getUint32(bytes.length - 8);
  if (size < TRAILER_SIZE_MIN_BYTES || size > bytes.length) return bytes;
  const at = bytes.length - CHECKSUM_SIZE_BYTES;
  writeChecksum(bytes, viewOf(bytes), bytes.length - size, at);
  return bytes;
}

const snapshotFiles: FuzzTarget = {
  name: "a snapshot's file",
  valid: fc.constant(STORE.bytesOf(SNAPSHOT_FILES[0]!)),
  errors: [StorageError],
  corpus: snapshotCorpus,
  memoryMaxBytes: (sizeBytes) => STORE_MEMORY_BYTES + 256 * sizeBytes,
  mend: mendSnapshot,
  decode: (bytes) => useSnapshots(storeWith(SNAPSHOT_FILES[0]!, bytes)),
};

const strangers: FuzzTarget = {
  name: "names of files",
  valid: fc.constantFrom("notes.txt", "1-2-3.snap.tmp", "7.tmp", "00000001-x.log")
    .map((name) => new TextEncoder().encode(name)),
  errors: [StorageError],
  corpus: "",
  memoryMaxBytes: (sizeBytes) => 2 * STORE_MEMORY_BYTES + 256 * sizeBytes,
  async decode(bytes) {
    const name = new TextDecoder().decode(bytes).replaceAll(/[/\0]/g, "_");
    if (name === "" || name === "." || name === "..") return;
    const failures: unknown[] = [];
    for (const folder of [LOG, SNAPSHOTS, DIRECTORY]) {
      const path = `${folder}/${name}`;
      if (STORE.paths().some((known) => known === path || known.startsWith(`${path}/`))) continue;
      const disk = storeWith(path, bytes);
      await useLog(disk).catch((error) => failures.push(error));
      await useSnapshots(disk).catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  },
};

/** All of them. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  batches,
  segmentHeaders,
  segmentTarget("the newest segment", SEGMENTS.at(-1)!),
  segmentTarget("a segment before it", SEGMENTS[0]!),
  identities,
  snapshotHeaders,
  snapshotTrailers,
  snapshotFiles,
  strangers,
];
