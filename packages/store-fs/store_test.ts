/**
 * What a store does as long as nothing fails, and whom it refuses.
 *
 * @module
 */
import { assertEquals, assertGreaterOrEqual, assertRejects, assertStrictEquals } from "@std/assert";
import { EntryRun, StorageError, toIndex, toTerm } from "@coracle/core";
import { assertHolds, LogModel, manyEntries, run, vote, write } from "./_testing/logs.ts";
import { MemoryDisk } from "./_testing/memory_disk.ts";
import { open, operationsSince } from "./_testing/stores.ts";

Deno.test("a new store is empty", async () => {
  const disk = new MemoryDisk();
  await using store = await open(disk);
  assertHolds(store, new LogModel());
  assertEquals([store.firstIndex, store.term(toIndex(0))], [toIndex(1), toTerm(0)]);
  assertEquals(store.recovered, []);
});

Deno.test("a batch is one write and one sync; what changes nothing is neither", async () => {
  const disk = new MemoryDisk();
  await using store = await open(disk, { reserveSizeBytes: 0 });
  let since = disk.operations.length;
  await store.persist([
    write({ hardState: vote(1, "n1"), entries: manyEntries(1, 1, 3) }),
    write({ entries: manyEntries(4, 1, 3) }),
    write({ truncateFrom: 6, entries: run(6, 2, "x") }),
  ]);
  assertEquals(operationsSince(disk, since), ["append", "syncData"]);
  since = disk.operations.length;
  await store.persist([]);
  await store.persist([write({ hardState: vote(1, "n1"), truncateFrom: 99 })]);
  assertEquals(operationsSince(disk, since), []);
});

Deno.test("a segment is begun with one write, one sync of it and one of its name", async () => {
  const disk = new MemoryDisk();
  await using store = await open(disk, { segmentSizeBytes: 1024 });
  await store.persist([write({ entries: manyEntries(1, 1, 1, 900) })]);
  const since = disk.operations.length;
  await store.persist([write({ entries: manyEntries(2, 1, 1, 900) })]);
  assertEquals(operationsSince(disk, since), ["create", "append", "syncData", "syncDirectory"]);
});

Deno.test("reads show what is durable, and only that", async () => {
  const disk = new MemoryDisk();
  await using store = await open(disk);
  const persisted = store.persist([write({ hardState: vote(7), entries: manyEntries(1, 1, 3) })]);
  assertHolds(store, new LogModel());
  await persisted;
  assertEquals([store.lastIndex, store.hardState], [toIndex(3), vote(7)]);
});

Deno.test("recent entries are the very runs that were persisted", async () => {
  await using store = await open(new MemoryDisk());
  const entries = manyEntries(1, 1, 3);
  await store.persist([write({ entries })]);
  assertStrictEquals(store.read(toIndex(1), 1 << 20), entries);
});

Deno.test("entries that are no longer in memory are read from disk, small batches together", async () => {
  const disk = new MemoryDisk();
  await using store = await open(disk, { cacheSizeBytes: 0 });
  for (let index = 1; index <= 100; index += 1) {
    await store.persist([write({ entries: manyEntries(index, 1, 1) })]);
  }
  const size = manyEntries(1, 1, 1).bytes.length;
  const since = disk.operations.length;
  assertEquals(store.read(toIndex(1), 1 << 20)?.lastIndex, toIndex(100));
  assertEquals(operationsSince(disk, since), ["openRead", "read"]);
  assertEquals(store.read(toIndex(11), 10 * size)?.lastIndex, toIndex(20));
  assertEquals(store.read(toIndex(11), 10 * size - 1)?.lastIndex, toIndex(19));
  assertEquals(store.read(toIndex(11), 0)?.lastIndex, toIndex(11), "at least one");
  assertEquals(operationsSince(disk, since), ["openRead", "read"], "the stretch is in memory");
});

Deno.test("to read one old entry costs no more than a stretch of the log, written just now or long ago", async () => {
  const disk = new MemoryDisk();
  const options = { cacheSizeBytes: 0 };
  for (const _ of ["just now", "long ago"]) {
    const store = await open(disk, options);
    if (store.lastIndex === 0) {
      for (let index = 1; index <= 1000; index += 1) {
        await store.persist([write({ entries: manyEntries(index, 1, 1, 1000) })]);
      }
    }
    for (let index = 1; index <= 1000; index += 97) {
      const before = disk.bytesRead;
      assertEquals(store.read(toIndex(index), 1)?.lastIndex, toIndex(index));
      assertGreaterOrEqual(130 * 1024, disk.bytesRead - before);
    }
    await store.close();
  }
});

Deno.test("a batch may hold entries of any number of terms, and any number of configurations", async () => {
  const count = 200_000;
  const runs = Array.from(
    { length: count },
    (_, at) => run(at + 1, at + 1, '{"servers":[]}'),
  );
  const disk = new MemoryDisk();
  const store = await open(disk);
  await store.persist([
    write({ entries: EntryRun.concat(runs) }),
    write({ entries: run(count + 1, count + 1, "x") }),
  ]);
  await store.close();
  await using reopened = await open(disk);
  assertEquals(reopened.term(toIndex(count - 1)), toTerm(count - 1));
  assertEquals(reopened.configurations.length, count);
});

Deno.test("a bounded number of files is open for reading, however many segments there are", async () => {
  const disk = new MemoryDisk();
  const store = await open(disk, { segmentSizeBytes: 1024, cacheSizeBytes: 0 });
  const model = new LogModel();
  for (let index = 1; index <= 40; index += 1) {
    const change = write({ entries: manyEntries(index, 1, 1, 900) });
    await store.persist([change]);
    model.apply(change);
  }
  for (const _ of [1, 2]) assertHolds(store, model);
  assertEquals(disk.openCount, 2 + 8, "the lock, the newest segment, and eight to read");
  await store.close();
  assertEquals(disk.openCount, 0);
});

Deno.test("truncatePrefix removes the segments that are not needed, oldest first; the term before stays known", async () => {
  const disk = new MemoryDisk();
  const options = { segmentSizeBytes: 1024, cacheSizeBytes: 0 };
  let store = await open(disk, options);
  for (let index = 1; index <= 6; index += 1) {
    await store.persist([write({ entries: manyEntries(index, index, 1, 900) })]);
  }
  const segments = (): number => disk.paths().filter((path) => path.startsWith("/d/log/")).length;
  assertEquals(segments(), 6);
  for (const [index, first] of [[0, 1], [1, 2], [1, 2], [3, 4], [6, 6], [99, 6]] as const) {
    await store.truncatePrefix(toIndex(index));
    assertEquals(store.firstIndex, toIndex(first));
    assertEquals(store.term(toIndex(first - 1)), toTerm(first - 1));
    assertEquals(store.read(toIndex(first - 1), 1), undefined);
    assertEquals(segments(), 7 - first);
    await store.close();
    store = await open(disk, options);
    assertEquals(store.firstIndex, toIndex(first), "as it was before");
    assertEquals(store.term(toIndex(first - 1)), toTerm(first - 1));
  }
  assertEquals(store.lastIndex, toIndex(6));
  await store.close();
});

Deno.test("truncatePrefix may run while a batch is written", async () => {
  const disk = new MemoryDisk();
  await using store = await open(disk, { segmentSizeBytes: 1024 });
  for (let index = 1; index <= 3; index += 1) {
    await store.persist([write({ entries: manyEntries(index, 1, 1, 900) })]);
  }
  await Promise.all([
    store.persist([write({ entries: manyEntries(4, 1, 1, 900) })]),
    store.truncatePrefix(toIndex(1)),
    store.truncatePrefix(toIndex(2)),
  ]);
  assertEquals([store.firstIndex, store.lastIndex], [toIndex(3), toIndex(4)]);
});

Deno.test("truncatePrefix may come at any moment of a write that begins a segment, and keeps one", async () => {
  for (let turns = 0; turns < 40; turns += 1) {
    const disk = new MemoryDisk();
    await using store = await open(disk, { segmentSizeBytes: 1024 });
    await store.persist([write({ entries: manyEntries(1, 1, 1, 900) })]);
    const writing = store.persist([write({ entries: manyEntries(2, 1, 1, 900) })]);
    for (let turn = 0; turn < turns; turn += 1) await undefined;
    await store.truncatePrefix(toIndex(1));
    await writing;
    assertEquals([store.lastIndex, store.term(toIndex(2))], [toIndex(2), toTerm(1)]);
  }
});

Deno.test("after a reset the log goes on where a snapshot ends, before or after its own end", async () => {
  const disk = new MemoryDisk();
  let store = await open(disk);
  const model = new LogModel();
  const configured = write({
    hardState: vote(3, "n1"),
    entries: run(1, 1, "a", '{"servers":[]}', "c"),
  });
  await store.persist([configured]);
  model.apply(configured);
  for (const [index, term] of [[2, 2], [10, 3]] as const) {
    const reset = write({ reset: [index, term] });
    await store.persist([reset]);
    model.apply(reset);
    assertHolds(store, model);
    assertEquals([store.firstIndex, store.lastIndex], [toIndex(index + 1), toIndex(index)]);
    const more = write({ entries: manyEntries(index + 1, 3, 2) });
    await store.persist([more]);
    model.apply(more);
    await store.close();
    store = await open(disk);
    assertHolds(store, model);
  }
  await store.close();
});

Deno.test("after a reset to an earlier index nothing is read that was there before", async () => {
  await using store = await open(new MemoryDisk());
  for (let index = 1; index <= 31; index += 10) {
    await store.persist([write({ entries: manyEntries(index, 1, 10) })]);
  }
  const reset = write({ reset: [5, 1] });
  await store.persist([reset]);
  const model = new LogModel();
  model.apply(reset);
  for (let index = 6; index <= 9; index += 2) {
    const change = write({ entries: manyEntries(index, 2, 2) });
    await store.persist([change]);
    model.apply(change);
  }
  assertHolds(store, model);
});

Deno.test("a reset, and what comes before and after it in the batch, are one write and one sync", async () => {
  const disk = new MemoryDisk();
  await using store = await open(disk);
  await store.persist([write({ hardState: vote(1), entries: manyEntries(1, 1, 10) })]);
  const since = disk.operations.length;
  await store.persist([
    write({ truncateFrom: 8, entries: manyEntries(8, 1, 5) }),
    write({ hardState: vote(3, "n1"), reset: [20, 2], entries: manyEntries(21, 3, 2) }),
    write({ truncateFrom: 22, entries: run(22, 3, "x") }),
  ]);
  assertEquals(operationsSince(disk, since), ["append", "syncData"]);
  assertEquals([store.firstIndex, store.lastIndex], [toIndex(21), toIndex(22)]);
  assertEquals(store.term(toIndex(20)), toTerm(2));
  assertEquals(store.hardState, vote(3, "n1"));
});

Deno.test("after a reset the segments before it are removed, while the node goes on", async () => {
  const disk = new MemoryDisk();
  const options = { segmentSizeBytes: 1024, cacheSizeBytes: 0 };
  const store = await open(disk, options);
  for (let index = 1; index <= 5; index += 1) {
    await store.persist([write({ entries: manyEntries(index, 1, 1, 900) })]);
  }
  const segments = (): number => disk.paths().filter((path) => path.startsWith("/d/log/")).length;
  const since = disk.operations.length;
  await store.persist([write({ reset: [9, 2], entries: manyEntries(10, 2, 1, 900) })]);
  assertEquals(
    operationsSince(disk, since).slice(0, 5),
    ["create", "append", "syncData", "syncDirectory", "remove"],
    "durable before anything is removed",
  );
  await Promise.all([
    store.persist([write({ entries: manyEntries(11, 2, 1, 900) })]),
    store.truncatePrefix(toIndex(9)),
  ]);
  assertEquals(segments(), 2);
  await store.persist([write({ reset: [3, 1] })]);
  await store.close();
  assertEquals(segments(), 1, "the newest one stays");
  const again = await open(disk, options);
  assertEquals([again.firstIndex, again.lastIndex], [toIndex(4), toIndex(3)]);
  await again.close();
});

Deno.test("B32: segments that cannot be removed after a reset end the store, but not what was acknowledged", async () => {
  const disk = new MemoryDisk();
  const options = { segmentSizeBytes: 1024, cacheSizeBytes: 0 };
  const store = await open(disk, options);
  for (let index = 1; index <= 3; index += 1) {
    await store.persist([write({ entries: manyEntries(index, 1, 1, 900) })]);
  }
  disk.failAt = disk.operations.length + 4;
  await store.persist([write({ reset: [9, 2], entries: manyEntries(10, 2, 1, 900) })]);
  assertEquals(store.lastIndex, toIndex(10));
  const message = "accepts no writes until it is opened again: the store in /d failed: remove /d/";
  await assertRejects(() => store.truncatePrefix(toIndex(9)), StorageError, message);
  await assertRejects(() => store.persist([write({ hardState: vote(5) })]), StorageError, message);
  await store.close();
  const again = await open(disk, options);
  assertEquals([again.firstIndex, again.lastIndex], [toIndex(10), toIndex(10)]);
  await again.truncatePrefix(toIndex(9));
  assertEquals(disk.paths().filter((path) => path.startsWith("/d/log/")).length, 1);
  await again.close();
});
