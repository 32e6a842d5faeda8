/**
 * A torn write at the end of the log is cut off; anything else that is not as it was written is
 * refused, with file and offset.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type EntryRun, StorageError, toIndex } from "@coracle/core";
import { DamageError } from "./damage.ts";
import { batchSizeBytes, encodeBatch } from "./format/batch.ts";
import { summarize } from "./format/change.ts";
import { segmentSalt } from "./format/checksum.ts";
import { storeIdBytes } from "./format/identity.ts";
import { decodeSegmentHeader } from "./format/segment_header.ts";
import { inspectStore } from "./inspect.ts";
import { FsLogStore } from "./store.ts";
import { assertHolds, LogModel, manyEntries, run, vote, write } from "./_testing/logs.ts";
import { MemoryDisk } from "./_testing/memory_disk.ts";

const FIRST = "/d/log/00000001-00000000000000000001.log";

function open(disk: MemoryDisk, directory = "/d"): Promise<FsLogStore> {
  return FsLogStore.open({
    directory,
    segmentSizeBytes: 1024,
    reserveSizeBytes: 0,
    cacheSizeBytes: 0,
    fs: disk,
  });
}

/** Where a batch is. */
interface Extent {
  file: string;
  start: number;
  end: number;
}

/** A store of a few batches in as many segments as they need, and where each batch is. */
async function someStore(batches = 6, sizeBytes = 60): Promise<{
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
function flipped(bytes: Uint8Array<ArrayBuffer>, at: number, mask = 0xff): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  copy[at]! ^= mask;
  return copy;
}

/** Opens the store, which must be refused, and returns why. */
async function refusal(disk: MemoryDisk, directory = "/d"): Promise<DamageError> {
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

Deno.test("B33: cut anywhere, the last batch is dropped and the one before it is the last", async () => {
  const { disk, extents, models } = await someStore(3);
  const { file, start, end } = extents.at(-1)!;
  const bytes = disk.bytesOf(file);
  for (let size = start; size < end; size += 1) {
    disk.plant(file, bytes.slice(0, size));
    const store = await open(disk);
    assertHolds(store, models.at(-2)!);
    assertEquals(
      store.recovered.map(({ kind, file, offset, sizeBytes }) => ({
        kind,
        file,
        offset,
        sizeBytes,
      })),
      // A few zeros look like room that was reserved.
      bytes.subarray(start, size).every((byte) => byte === 0)
        ? []
        : [{ kind: "cut-batch", file, offset: start, sizeBytes: size - start }],
    );
    await store.close();
    assertEquals(disk.bytesOf(file).length, start);
  }
});

Deno.test("B33: garbled in any byte, or zero from any byte on, the last batch is dropped", async () => {
  const { disk, extents, models } = await someStore(3);
  const { file, start, end } = extents.at(-1)!;
  const bytes = disk.bytesOf(file);
  for (let at = start; at < end; at += 1) {
    const zeroed = bytes.slice().fill(0, at);
    for (const wrong of [flipped(bytes, at), flipped(bytes, at, 1), zeroed]) {
      disk.plant(file, wrong);
      const store = await open(disk);
      const isWhole = wrong.every((byte, position) => byte === bytes[position]);
      assertHolds(store, models.at(isWhole ? -1 : -2)!);
      await store.close();
    }
  }
});

Deno.test("B35: zeros behind the last batch are room that a process has reserved before it ended", async () => {
  const { disk, extents, models } = await someStore(3);
  const { file, end } = extents.at(-1)!;
  const bytes = disk.bytesOf(file);
  for (const size of [1, 23, 24, 1000, 400_000]) {
    const longer = new Uint8Array(end + size);
    longer.set(bytes);
    disk.plant(file, longer);
    const { findings, segments } = await inspectStore("/d", { fs: disk });
    assertEquals([findings, segments.at(-1)!.sizeBytes], [[], end]);
    const store = await open(disk);
    assertHolds(store, models.at(-1)!);
    assertEquals(store.recovered, []);
    await store.close();
    assertEquals(disk.bytesOf(file).length, end);

    // One byte that is none is the rest of a write.
    longer[end + size - 1] = 1;
    disk.plant(file, longer);
    const torn = await open(disk);
    assertHolds(torn, models.at(-1)!);
    assertEquals(torn.recovered.map(({ kind, sizeBytes }) => [kind, sizeBytes]), [[
      "cut-batch",
      size,
    ]]);
    await torn.close();
  }
});

Deno.test("B33: garbage of any length after the last batch is dropped", async () => {
  const { disk, extents, models } = await someStore(3);
  const { file, end } = extents.at(-1)!;
  const bytes = disk.bytesOf(file);
  for (const size of [1, 15, 16, 24, 1000, 400_000]) {
    const longer = new Uint8Array(end + size);
    longer.set(bytes);
    for (let at = end; at < longer.length; at += 1) longer[at] = at * 7;
    disk.plant(file, longer);
    const store = await open(disk);
    assertHolds(store, models.at(-1)!);
    await store.close();
  }
});

Deno.test("B33: a flipped byte in any batch but the last is refused with file and offset", async () => {
  const { disk, extents } = await someStore();
  assert(new Set(extents.map(({ file }) => file)).size > 1, "more than one segment");
  for (const { file, start, end } of extents.slice(0, -1)) {
    const bytes = disk.bytesOf(file);
    for (let at = start; at < end; at += 1) {
      for (const mask of [0x01, 0x80]) {
        disk.plant(file, flipped(bytes, at, mask));
        const { damage } = await refusal(disk);
        assertEquals([damage.file, damage.offset], [file, start]);
      }
    }
    disk.plant(file, bytes);
  }
  await (await open(disk)).close();
});

Deno.test("B33: a flipped byte in a segment's header is refused, unless it may never have been written", async () => {
  const { disk, extents, models } = await someStore(4);
  const files = [...new Set(extents.map(({ file }) => file))];
  const newest = extents.filter(({ file }) => file === files.at(-1));
  assertEquals([files.length, newest.length], [2, 1], "the newest segment has one batch");
  for (const file of files) {
    const bytes = disk.bytesOf(file);
    const { start } = extents.find((extent) => extent.file === file)!;
    for (let at = 0; at < start; at += 1) {
      disk.plant(file, flipped(bytes, at));
      if (file === files.at(-1)) {
        // Header and first batch are written together: both may be torn.
        const store = await open(disk);
        assertHolds(store, models.at(-2)!);
        assertEquals(store.recovered.map(({ kind }) => kind), ["removed-segment"]);
        await store.close();
        assertEquals(disk.paths().includes(file), false);
      } else {
        const { damage } = await refusal(disk);
        assertEquals([damage.file, damage.offset], [file, 0]);
      }
    }
    disk.plant(file, bytes);
  }
});

Deno.test("B33: a header that later batches say was synced is not torn", async () => {
  const { disk, extents } = await someStore(5);
  const { file } = extents.at(-1)!;
  assertEquals(extents.filter((extent) => extent.file === file).length, 2);
  disk.plant(file, flipped(disk.bytesOf(file), 20));
  const { damage } = await refusal(disk);
  assertEquals([damage.file, damage.offset], [file, 0]);
});

Deno.test("the only segment cannot be half made: it was durable before the ones before it were removed", async () => {
  const { disk, extents } = await someStore(4);
  const store = await open(disk);
  await store.truncatePrefix(store.lastIndex);
  await store.close();
  const { file } = extents.at(-1)!;
  assertEquals(disk.paths().filter((path) => path.startsWith("/d/log/")), [file]);
  disk.plant(file, flipped(disk.bytesOf(file), 20));
  await refusal(disk);
});

Deno.test("the end of a segment that is not the newest is missing, or there is more of it", async () => {
  const { disk, extents } = await someStore();
  const lastOfFirst = extents.findLast(({ file }) => file === FIRST)!;
  const bytes = disk.bytesOf(FIRST);
  disk.plant(FIRST, bytes.slice(0, lastOfFirst.start));
  assertEquals((await refusal(disk)).damage, {
    file: FIRST,
    offset: lastOfFirst.start,
    expected: `${lastOfFirst.end} bytes, as the next segment says`,
    found: `${lastOfFirst.start} bytes`,
  });
  disk.plant(FIRST, new Uint8Array([...bytes, 0]));
  assertEquals((await refusal(disk)).damage.offset, lastOfFirst.end);
});

/** Appends a batch to a file, made by hand. */
function plantBatch(disk: MemoryDisk, file: string, syncedBytes: number, entries: EntryRun): void {
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

Deno.test("B33, B34: a later batch proves damage only if it says that the bad one had been synced", async () => {
  for (const [claimed, isDamage] of [[-1, false], [0, false], [1, true]] as const) {
    const { disk, extents, models } = await someStore(2);
    const { start } = extents.at(-1)!;
    plantBatch(disk, FIRST, start + claimed, manyEntries(5, 2, 1));
    disk.plant(FIRST, flipped(disk.bytesOf(FIRST), start + 30));
    if (isDamage) {
      assertEquals((await refusal(disk)).damage.offset, start);
    } else {
      const store = await open(disk);
      assertHolds(store, models.at(-2)!);
      await store.close();
    }
  }
});

Deno.test("B37: a last batch that is intact but leaves a gap was never torn, and is refused", async () => {
  const { disk, extents } = await someStore(2);
  const { end } = extents.at(-1)!;
  plantBatch(disk, FIRST, end, manyEntries(6, 2, 1));
  assertEquals((await refusal(disk)).damage, {
    file: FIRST,
    offset: end,
    expected: "entries from 5 on, of term 2 or later",
    found: "entries from 6 on, of term 2",
  });
});

Deno.test("segments that are missing, doubled or renamed are refused", async () => {
  const { disk } = await someStore(12);
  const log = disk.paths().filter((path) => path.startsWith("/d/log/"));
  assertEquals(log.length, 4);
  for (const missing of [1, 2]) {
    const bytes = disk.bytesOf(log[missing]!);
    disk.unplant(log[missing]!);
    const { damage } = await refusal(disk);
    assertEquals([damage.file, damage.found], ["/d/log", log[missing + 1]!]);
    disk.plant(log[missing]!, bytes);
  }
  const twin = "/d/log/00000002-00000000000000000099.log";
  disk.plant(twin, disk.bytesOf(log[1]!));
  assertEquals((await refusal(disk)).damage.file, "/d/log");
  disk.unplant(twin);
  const oldest = disk.bytesOf(log[0]!);
  for (const path of log) disk.unplant(path);
  assertEquals((await refusal(disk)).damage.expected, "at least one segment");
  disk.plant("/d/log/00000001-00000000000000000005.log", oldest);
  assertEquals(
    (await refusal(disk)).damage.expected.slice(0, 33),
    "00000001-00000000000000000005.log",
  );
});

Deno.test("B35: bytes of another store, or of another place, are never taken for this log's", async () => {
  const { disk, extents } = await someStore(3);
  const { disk: other } = await someStore(3);
  disk.plant(FIRST, other.bytesOf(FIRST));
  assertStringIncludes((await refusal(disk)).damage.found, "of store");

  // A batch that is intact, but was written elsewhere: it is a torn end, and no proof that it is
  // none.
  const { disk: own, extents: places, models } = await someStore(3);
  const bytes = own.bytesOf(FIRST);
  const { start, end } = places[1]!;
  const moved = new Uint8Array([...bytes, ...bytes.subarray(start, end)]);
  own.plant(FIRST, moved);
  const store = await open(own);
  assertHolds(store, models.at(-1)!);
  assertEquals(store.recovered.map(({ offset }) => offset), [extents.at(-1)!.end]);
  await store.close();
});

Deno.test("B04: without its identity, or with a damaged one, a log is refused", async () => {
  const { disk } = await someStore(2);
  const identity = disk.bytesOf("/d/identity.json");
  // The last byte only ends the line.
  for (let at = 0; at < identity.length - 1; at += 1) {
    disk.plant("/d/identity.json", flipped(identity, at, 0x02));
    const text = new TextDecoder().decode(disk.bytesOf("/d/identity.json"));
    await assertRejects(() => open(disk), StorageError, undefined, text);
    disk.plant("/d/identity.json", identity.slice(0, at));
    await refusal(disk);
  }
  disk.unplant("/d/identity.json");
  await assertRejects(() => open(disk), StorageError, "/d/identity.json is missing, but");
  disk.plant("/d/identity.json", identity);
  await (await open(disk)).close();
});

Deno.test("B04: a store whose creation was cut short is made again; it never promised anything", async () => {
  const disk = new MemoryDisk();
  const first = await open(disk);
  await first.close();
  disk.unplant("/d/identity.json");
  const second = await open(disk);
  assert(second.identity.storeId !== first.identity.storeId);
  await second.close();
});

Deno.test("a store of another format version is refused by name", async () => {
  const { disk } = await someStore(1);
  const text = new TextDecoder().decode(disk.bytesOf("/d/identity.json"));
  const later = text.replace('"formatVersion": 1', '"formatVersion": 2');
  disk.plant("/d/identity.json", new TextEncoder().encode(later));
  await assertRejects(
    () => open(disk),
    StorageError,
    "the store in /d has format version 2; this program reads format version 1",
  );
});

Deno.test("what was damaged since the store was opened is found when it is read", async () => {
  const { disk, extents } = await someStore(3);
  const { file, start, end } = extents[0]!;
  const bytes = disk.bytesOf(file);
  for (const wrong of [flipped(bytes, start), flipped(bytes, end - 10), bytes.slice(0, end)]) {
    disk.plant(file, bytes);
    const store = await open(disk);
    disk.plant(file, wrong);
    const { damage } = assertThrows(() => store.read(toIndex(1), 10), DamageError);
    assertEquals([damage.file, damage.offset], [file, start]);
    await store.close();
  }
  disk.plant(file, bytes);
  const store = await open(disk);
  disk.unplant(file);
  assertThrows(() => store.read(toIndex(1), 10), DamageError, "found no file");
  await store.close();
});

Deno.test("a large batch is read whole, however small the pieces that are read otherwise", async () => {
  const disk = new MemoryDisk();
  const store = await open(disk);
  const model = new LogModel();
  const sizes = [10, 700_000, 10, 10];
  for (const [at, size] of sizes.entries()) {
    const change = write({ entries: run(at + 1, 1, "x".repeat(size)) });
    await store.persist([change]);
    model.apply(change);
  }
  assertHolds(store, model);
  await store.close();
  const again = await open(disk);
  assertHolds(again, model);
  await again.close();
});

Deno.test("B33: the later batch that proves damage is found wherever it begins", async () => {
  // Where one piece of the file ends that is searched, and the next one begins.
  const edge = 256 * 1024;
  for (let size = edge - 200; size < edge + 40; size += 3) {
    const disk = new MemoryDisk();
    const store = await FsLogStore.open({ directory: "/d", fs: disk });
    await store.persist([write({ entries: run(1, 1, "x".repeat(size)) })]);
    await store.persist([write({ entries: run(2, 1, "y") })]);
    await store.close();
    const bytes = disk.bytesOf(FIRST);
    disk.plant(FIRST, flipped(bytes, 500));
    const { damage } = await refusal(disk);
    assertEquals([damage.file, damage.offset], [FIRST, 80]);
  }
});
