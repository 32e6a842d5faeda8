/**
 * What a store of snapshots does as long as nothing is damaged, and whom it refuses.
 *
 * @module
 */
import { assertEquals, assertGreaterOrEqual, assertRejects, assertThrows } from "@std/assert";
import { InvariantViolation, StorageError, toIndex } from "@coracle/core";
import { joined } from "@coracle/testing";
import { FORGET, MemoryDisk } from "./_testing/memory_disk.ts";
import { collect, load, openSnapshots, point, save, someData } from "./_testing/snapshots.ts";
import { files } from "./_testing/snapshot_stores.ts";

Deno.test("a new store lists nothing", async () => {
  await using store = await openSnapshots(new MemoryDisk());
  assertEquals([store.list(), store.recovered, store.damages], [[], [], []]);
  await assertRejects(() => store.open("1-1-1"), StorageError, "no snapshot 1-1-1 in /d/snapshots");
});

Deno.test("what was committed is listed with all that is known of it, and read as it was written", async () => {
  const disk = new MemoryDisk();
  const store = await openSnapshots(disk);
  const before = Date.now();
  const chunks = [someData(100, 1), someData(0), someData(64, 2), someData(7, 3)];
  const meta = await save(store, point(3, 42, "n7"), ...chunks);
  assertGreaterOrEqual(meta.createdAtMs, before);
  assertGreaterOrEqual(Date.now(), meta.createdAtMs);
  const { createdAtMs } = meta;
  assertEquals(meta, { id: "3-42-1", sizeBytes: 171, createdAtMs, ...point(3, 42, "n7") });
  assertEquals(store.list(), [meta]);
  assertEquals(await load(store, meta.id), joined(chunks));
  assertEquals(files(disk), ["/d/snapshots/3-42-1.snap"]);
  await store.close();
  assertEquals(disk.openCount, 0);

  const again = await openSnapshots(disk);
  assertEquals(again.list(), [meta]);
  assertEquals(await load(again, meta.id), joined(chunks));
  await again.close();
});

Deno.test("a snapshot of nothing is a snapshot", async () => {
  await using store = await openSnapshots(new MemoryDisk());
  const { id, sizeBytes } = await save(store, point(1, 1));
  assertEquals(sizeBytes, 0);
  assertEquals(await load(store, id), new Uint8Array(0));
});

Deno.test("nobody sees a snapshot before it is committed", async () => {
  const disk = new MemoryDisk();
  await using store = await openSnapshots(disk);
  const sink = await store.create();
  await sink.write(someData(1000));
  assertEquals(store.list(), []);
  const committing = sink.commit(point(1, 5));
  assertEquals(store.list(), []);
  const meta = await committing;
  assertEquals(store.list(), [meta]);
  assertEquals(
    disk.operations.slice(-4).map((operation) => operation.split(" ")[0]),
    ["append", "syncData", "rename", "syncDirectory"],
  );
});

Deno.test("a large snapshot is synced as it is written, not all of it at its end", async () => {
  const disk = new MemoryDisk();
  await using store = await openSnapshots(disk);
  const sink = await store.create();
  for (let at = 0; at < 20; at += 1) await sink.write(someData(640));
  const syncs = disk.operations.filter((operation) => operation.startsWith("syncData /d/snap"));
  assertEquals(syncs.length, 3, "200 blocks, one after each 64");
  await sink.commit(point(1, 1));
});

Deno.test("B45: the newest is the one with the highest term, then index, as numbers", async () => {
  const disk = new MemoryDisk();
  const store = await openSnapshots(disk, { retain: 9 });
  for (const [term, index] of [[1, 9], [1, 10], [2, 5], [10, 3], [9, 100], [1, 10]] as const) {
    await save(store, point(term, index), someData(10, index));
  }
  const expected = ["10-3-4", "9-100-5", "2-5-3", "1-10-6", "1-10-2", "1-9-1"];
  assertEquals(store.list().map(({ id }) => id), expected);
  await store.close();
  const again = await openSnapshots(disk, { retain: 9 });
  assertEquals(again.list().map(({ id }) => id), expected);
  await again.close();
});

Deno.test("only the newest are retained", async () => {
  for (const retain of [1, 2, 3]) {
    const disk = new MemoryDisk();
    const store = await openSnapshots(disk, { retain });
    for (let index = 1; index <= 5; index += 1) {
      await save(store, point(1, index), someData(100));
      const kept = Math.min(index, retain);
      assertEquals(
        store.list().map(({ lastIncludedIndex }) => lastIncludedIndex),
        Array.from({ length: kept }, (_, at) => toIndex(index - at)),
      );
      assertEquals(files(disk).length, kept);
      assertEquals(files(disk.afterPowerCut(FORGET)), files(disk));
    }
    await store.close();
  }
  const disk = new MemoryDisk();
  const defaulted = await openSnapshots(disk);
  for (let index = 1; index <= 4; index += 1) await save(defaulted, point(1, index));
  assertEquals(files(disk), ["/d/snapshots/1-3-3.snap", "/d/snapshots/1-4-4.snap"]);
  await defaulted.close();
});

Deno.test("what was just committed can be opened, even if others are newer", async () => {
  const disk = new MemoryDisk();
  const store = await openSnapshots(disk, { retain: 1 });
  await save(store, point(5, 50), someData(10, 1));
  const old = await save(store, point(4, 40), someData(10, 2));
  assertEquals(store.list().map(({ id }) => id), ["5-50-1", "4-40-2"]);
  assertEquals(await load(store, old.id), someData(10, 2));
  await store.close();
  const again = await openSnapshots(disk, { retain: 1 });
  assertEquals(again.list().map(({ id }) => id), ["5-50-1"]);
  assertEquals(files(disk).length, 1);
  await again.close();
});

Deno.test("what was just committed can be opened, whenever another one is committed meanwhile", async () => {
  for (let turns = 0; turns < 60; turns += 1) {
    const store = await openSnapshots(new MemoryDisk(), { retain: 1 });
    await save(store, point(1, 7));
    const commit = async (index: number) => {
      const sink = await store.create();
      const { id } = await sink.commit(point(2, index));
      await (await store.open(id)).close();
    };
    const older = commit(15);
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    await Promise.all([older, commit(19)]);
    await save(store, point(2, 20));
    assertEquals(store.list().map(({ lastIncludedIndex }) => Number(lastIncludedIndex)), [20]);
    await store.close();
  }
});

Deno.test("B46: a snapshot is not removed while anybody reads it, and is when the last one has done", async () => {
  const disk = new MemoryDisk();
  const store = await openSnapshots(disk, { retain: 1 });
  const data = someData(1000);
  const { id } = await save(store, point(1, 1), data);
  const slow = await store.open(id);
  const other = await store.open(id);
  const reading = slow.read()[Symbol.asyncIterator]();
  const chunks = [(await reading.next()).value];
  for (let index = 2; index <= 4; index += 1) {
    await save(store, point(1, index), someData(10, index));
    chunks.push((await reading.next()).value);
  }
  assertEquals(store.list().map(({ id }) => id), ["1-4-4"]);
  assertEquals(files(disk), ["/d/snapshots/1-1-1.snap", "/d/snapshots/1-4-4.snap"]);
  await assertRejects(() => store.open(id), StorageError, "no snapshot 1-1-1");

  await other.close();
  assertEquals(files(disk).length, 2, "the slow one still reads");
  for (let next = await reading.next(); !next.done; next = await reading.next()) {
    chunks.push(next.value);
  }
  assertEquals(joined(chunks), data);
  assertEquals(files(disk).length, 2, "read to its end, and not closed");
  await slow.close();
  await slow.close();
  assertEquals(files(disk), ["/d/snapshots/1-4-4.snap"]);
  await store.close();
  assertEquals(disk.openCount, 0);
});

Deno.test("several snapshots are written and read at once", async () => {
  const disk = new MemoryDisk();
  await using store = await openSnapshots(disk, { retain: 5 });
  const sinks = await Promise.all([1, 2, 3].map(() => store.create()));
  for (let round = 0; round < 30; round += 1) {
    await Promise.all(sinks.map((sink, at) => sink.write(someData(50, 100 * at + round))));
  }
  await sinks[1]!.abort();
  const committed = await Promise.all([
    sinks[2]!.commit(point(1, 30)),
    sinks[0]!.commit(point(1, 10)),
  ]);
  const expected = [2, 0].map((at) =>
    joined(Array.from({ length: 30 }, (_, round) => someData(50, 100 * at + round)))
  );
  assertEquals(store.list(), committed);
  assertEquals(await Promise.all(committed.map(({ id }) => load(store, id))), expected);
});

Deno.test("what is given up leaves nothing, and giving up again or after a commit does nothing", async () => {
  const disk = new MemoryDisk();
  await using store = await openSnapshots(disk);
  const sink = await store.create();
  await sink.write(someData(500));
  assertEquals(files(disk).length, 1);
  await Promise.all([sink.abort(), sink.abort()]);
  assertEquals(files(disk), []);
  await assertRejects(() => sink.write(someData(1)), StorageError, "was given up");
  await assertRejects(() => sink.commit(point(1, 1)), StorageError, "was given up");

  const committed = await store.create();
  const { id } = await committed.commit(point(1, 1));
  await committed.abort();
  assertEquals(store.list().map((meta) => meta.id), [id]);
  assertEquals(files(disk).length, 1);
});

Deno.test("giving up waits for what is under way; a commit that is under way stays", async () => {
  const disk = new MemoryDisk();
  await using store = await openSnapshots(disk);
  const sink = await store.create();
  const writing = sink.write(someData(500));
  await sink.abort();
  await writing;
  assertEquals(files(disk), []);

  const other = await store.create();
  const committing = other.commit(point(1, 1));
  await other.abort();
  const { id } = await committing;
  assertEquals(await load(store, id), new Uint8Array(0));
});

Deno.test("what no caller may do throws: two writes at once, writing after a commit, reading twice", async () => {
  await using store = await openSnapshots(new MemoryDisk());
  const sink = await store.create();
  const first = sink.write(someData(500));
  await assertRejects(() => sink.write(someData(500)), InvariantViolation, "is being written to");
  await first;
  const { id } = await sink.commit(point(1, 1));
  await assertRejects(() => sink.write(someData(1)), InvariantViolation, "is committed");
  await using source = await store.open(id);
  assertEquals(await collect(source.read()), someData(500));
  assertThrows(() => source.read(), InvariantViolation, "read twice");
});
