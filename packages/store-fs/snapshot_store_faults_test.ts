/**
 * A snapshot store whose disk fails, is full, or has leftovers on it.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { StorageError, toIndex } from "@coracle/core";
import { FsLogStore } from "./store.ts";
import { manyEntries, write } from "./_testing/logs.ts";
import { FORGET, InjectedFailure, MemoryDisk } from "./_testing/memory_disk.ts";
import { load, openSnapshots, point, save, someData } from "./_testing/snapshots.ts";
import { files, listening } from "./_testing/snapshot_stores.ts";

Deno.test("B41: a write or sync that fails is one clear error; what was there before stays, and what comes after works", async () => {
  for (
    const [failing, operation] of [
      [0, "append /d/snapshots/2.snap.tmp"],
      [2, "syncData /d/snapshots/2.snap.tmp"],
      [3, "rename /d/snapshots/2.snap.tmp /d/snapshots/1-2-2.snap"],
      [4, "syncDirectory /d/snapshots"],
    ] as const
  ) {
    const disk = new MemoryDisk();
    await using store = await openSnapshots(disk);
    const kept = await save(store, point(1, 1), someData(100));
    const sink = await store.create();
    await sink.write(someData(1000));
    disk.failAt = disk.operations.length + failing;
    const message = `snapshot 2 in /d/snapshots cannot be written: ${operation}`;
    const error = failing === 0
      ? await assertRejects(() => sink.write(someData(100)), StorageError, message)
      : await assertRejects(() => sink.commit(point(1, 2)), StorageError, message);
    assert(error.cause instanceof InjectedFailure);
    await assertRejects(() => sink.commit(point(1, 2)), StorageError, message);
    await sink.abort();
    assertEquals(files(disk), ["/d/snapshots/1-1-1.snap"]);
    assertEquals(store.list(), [kept]);
    const { id } = await save(store, point(1, 3), someData(300));
    assertEquals(await load(store, id), someData(300));
  }
});

Deno.test("B40: when the disk is full, the snapshot is given up with a clear error, and the node's log goes on", async () => {
  const disk = new MemoryDisk();
  await using log = await FsLogStore.open({ directory: "/d", fs: disk });
  await using store = await openSnapshots(disk);
  await log.persist([write({ entries: manyEntries(1, 1, 10) })]);
  const used = disk.paths().reduce((sum, path) => sum + disk.bytesOf(path).length, 0);
  disk.capacityBytes = used + 5000;
  const sink = await store.create();
  await assertRejects(
    () => sink.write(someData(100_000)),
    StorageError,
    "snapshot 1 in /d/snapshots cannot be written: No space left on device",
  );
  await sink.abort();
  await log.persist([write({ entries: manyEntries(11, 1, 10) })]);
  assertEquals(log.lastIndex, toIndex(20));
  assertEquals(files(disk), []);
});

Deno.test("an old snapshot that cannot be removed is reported, and removed next time", async () => {
  const disk = new MemoryDisk();
  const { logger, heard } = listening();
  await using store = await openSnapshots(disk, { retain: 1, logger });
  await save(store, point(1, 1));
  const sink = await store.create();
  // append, syncData, rename, syncDirectory, and then the old one.
  disk.failAt = disk.operations.length + 4;
  await sink.commit(point(1, 2));
  assertEquals(files(disk).length, 2);
  assertEquals(heard.map(([, properties]) => properties?.["file"]), ["/d/snapshots/1-1-1.snap"]);
  assertEquals(store.list().map(({ id }) => id), ["1-2-2"]);
  await save(store, point(1, 3));
  assertEquals(files(disk), ["/d/snapshots/1-3-3.snap"]);
});

Deno.test("what cannot be removed when it is given up is reported, and removed when the store is opened again", async () => {
  const disk = new MemoryDisk();
  const { logger, heard } = listening();
  const store = await openSnapshots(disk, { logger });
  const sink = await store.create();
  await sink.write(someData(100));
  disk.failAt = disk.operations.length;
  await sink.abort();
  const file = "/d/snapshots/1.snap.tmp";
  assertEquals(heard.map(([, properties]) => properties?.["file"]), [file]);
  assertEquals(files(disk), [file]);
  await store.close();
  const again = await openSnapshots(disk);
  assertEquals(again.recovered.map(({ kind, file }) => [kind, file]), [["removed-snapshot", file]]);
  assertEquals(files(disk), []);
  await again.close();
});

Deno.test("leftovers of a process that ended are removed and reported; files that do not belong here are left alone", async () => {
  const disk = new MemoryDisk();
  const first = await openSnapshots(disk);
  const sink = await first.create();
  await sink.write(someData(1000));
  const next = disk.afterProcessEnd();
  next.plant("/d/snapshots/notes.txt", someData(3));
  const { logger, heard } = listening();
  const store = await openSnapshots(next, { logger });
  const repair = {
    kind: "removed-snapshot",
    file: "/d/snapshots/1.snap.tmp",
    offset: 0,
    sizeBytes: 48 + 15 * 72,
    reason: "the process ended before the snapshot was finished",
  } as const;
  assertEquals(store.recovered, [repair]);
  assertEquals(heard.map(([, properties]) => properties), [
    { file: "/d/snapshots/notes.txt" },
    repair,
  ]);
  assertEquals(files(next), ["/d/snapshots/notes.txt"]);
  assertEquals(store.list(), []);
  await store.close();
  await first.close();
});

Deno.test("B38: what a process had given its name, and not synced, does not vanish once it was listed", async () => {
  const disk = new MemoryDisk();
  const store = await openSnapshots(disk);
  const sink = await store.create();
  await sink.write(someData(500));
  // append twice, syncData, rename; then the process ends.
  disk.stopAt = disk.operations.length + 4;
  await assertRejects(() => sink.commit(point(1, 2)), StorageError, "syncDirectory");
  const next = disk.afterProcessEnd();
  const opened = await openSnapshots(next);
  assertEquals(opened.list().map(({ id }) => id), ["1-2-1"]);
  const again = await openSnapshots(next.afterPowerCut(FORGET));
  assertEquals(await load(again, "1-2-1"), someData(500));
});

Deno.test("a source is closed when the read that is under way has ended", async () => {
  const disk = new MemoryDisk();
  await using store = await openSnapshots(disk);
  const { id } = await save(store, point(1, 1), someData(1000));
  const source = await store.open(id);
  const reading = source.read()[Symbol.asyncIterator]();
  await reading.next();
  const underWay = reading.next();
  await source.close();
  assertEquals((await underWay).value, someData(1000).slice(64, 128));
  await assertRejects(() => reading.next(), StorageError, "was closed before it was read");
});

Deno.test("sequence numbers are not used twice while anything of them is left", async () => {
  const disk = new MemoryDisk();
  const store = await openSnapshots(disk, { retain: 1 });
  for (let index = 1; index <= 3; index += 1) await save(store, point(1, index));
  await store.close();
  const again = await openSnapshots(disk, { retain: 1 });
  assertEquals((await save(again, point(1, 3))).id, "1-3-4");
  assertEquals(again.list().map(({ id }) => id), ["1-3-4"], "the later of two that end alike");
  await again.close();
});
