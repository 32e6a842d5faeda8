/**
 * A torn write at the end of the log is cut off; anything else that is not as it was written is
 * refused, with file and offset.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { inspectStore } from "./inspect.ts";
import { FsLogStore } from "./store.ts";
import { FIRST, flipped, open, plantBatch, refusal, someStore } from "./_testing/damaged_stores.ts";
import { assertHolds, LogModel, manyEntries, run, write } from "./_testing/logs.ts";
import { MemoryDisk } from "./_testing/memory_disk.ts";

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
