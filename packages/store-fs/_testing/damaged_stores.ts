/**
 * Stores on a disk in memory that a test damages.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { EntryRun } from "@coracle/core";
import { DamageError } from "../damage.ts";
import { batchSizeBytes, encodeBatch } from "../format/batch.ts";
import { summarize } from "../format/change.ts";
import { segmentSalt } from "../format/checksum.ts";
import { storeIdBytes } from "../format/identity.ts";
import { decodeSegmentHeader } from "../format/segment_header.ts";
import { FsLogStore } from "../store.ts";
import { LogModel, manyEntries, vote, write } from "./logs.ts";
import { MemoryDisk } from "./memory_disk.ts";

/** The first segment of a store. */
export const FIRST = "/d/log/00000001-00000000000000000001.log";

/** Opens the store, with small segments and nothing in memory. */
export function open(disk: MemoryDisk, directory = "/d"): Promise<FsLogStore> {
  return FsLogStore.open({
    directory,
    segmentSizeBytes: 1024,
    reserveSizeBytes: 0,
    cacheSizeBytes: 0,
    fs: disk,
  });
}

/** Where a batch is. */
export interface Extent {
  file: string;
  start: number;
  end: number;
}

/** A store of a few batches in as many segments as they need, and where each batch is. */
export async function someStore(batches = 6, sizeBytes = 60): Promise<{
  disk: MemoryDisk;
  extents: Extent[];
  models: LogModel[];
}> {
  const disk = new MemoryDisk();
  const store = await open(disk);
  const model = new LogModel();
  const models = [model.clone()];
  const extents: Extent[] = [];
  for (let batch = 1; batch <= batches; batch += 1) {
    const change = write({
      hardState: vote(batch, batch % 2 === 0 ? "n1" : undefined),
      entries: manyEntries(2 * batch - 1, batch, 2, sizeBytes),
    });
    const before = new Map(disk.paths().map((path) => [path, disk.bytesOf(path).length]));
    await store.persist([change]);
    model.apply(change);
    models.push(model.clone());
    const file = disk.paths().find((path) => before.get(path) !== disk.bytesOf(path).length)!;
    // A segment's first batch comes after its header, which gives its own length.
    const start = before.get(file) ?? new DataView(disk.bytesOf(file).buffer).getUint32(12);
    extents.push({ file, start, end: disk.bytesOf(file).length });
  }
  await store.close();
  return { disk, extents, models };
}

/** A copy of `bytes` in which one is changed. */
export function flipped(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  mask = 0xff,
): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  copy[at]! ^= mask;
  return copy;
}

/** Opens the store, which must be refused, and returns why. */
export async function refusal(disk: MemoryDisk, directory = "/d"): Promise<DamageError> {
  const before = disk.paths().map((path) => [path, disk.bytesOf(path)]);
  const error = await assertRejects(() => open(disk, directory), DamageError);
  assertEquals(
    disk.paths().map((path) => [path, disk.bytesOf(path)]),
    before,
    "nothing is changed",
  );
  assertEquals(disk.openCount, 0);
  assertStringIncludes(error.message, `${error.damage.file} is damaged at offset`);
  return error;
}

/** Appends a batch to a file, made by hand. */
export function plantBatch(
  disk: MemoryDisk,
  file: string,
  syncedBytes: number,
  entries: EntryRun,
): void {
  const bytes = disk.bytesOf(file);
  const header = decodeSegmentHeader(bytes);
  assert(header.ok);
  const { storeId, sequence } = header.header;
  const runs = [entries];
  const change = { hardState: undefined, cut: undefined, entries: summarize(runs), runs };
  const longer = new Uint8Array(bytes.length + batchSizeBytes(change));
  longer.set(bytes);
  const salt = segmentSalt(storeIdBytes(storeId), sequence);
  const place = { salt, offset: bytes.length, syncedBytes };
  encodeBatch(longer, new DataView(longer.buffer), bytes.length, place, change);
  disk.plant(file, longer);
}
