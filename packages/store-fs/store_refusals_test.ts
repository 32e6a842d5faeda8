/**
 * What a store refuses, what it does when its disk fails, and to whom it belongs.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertGreater,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  InvalidConfigError,
  InvariantViolation,
  type Logger,
  silentLogger,
  StorageError,
  StoreLockedError,
  systemClock,
  toIndex,
  toTerm,
} from "@coracle/core";
import { FsSnapshotStore } from "./snapshot_store.ts";
import { FsLogStore } from "./store.ts";
import { manyEntries, run, vote, write } from "./_testing/logs.ts";
import { InjectedFailure, MemoryDisk } from "./_testing/memory_disk.ts";
import { open, operationsSince } from "./_testing/stores.ts";

Deno.test("B37: a gap is refused, nothing is written, and the store goes on", async () => {
  const disk = new MemoryDisk();
  await using store = await open(disk);
  const since = disk.operations.length;
  await assertRejects(
    () => store.persist([write({ entries: run(2, 1, "x") })]),
    InvariantViolation,
    "entries from 2 on, of term 1, do not follow entry 0 of term 0",
  );
  assertEquals(operationsSince(disk, since), []);
  await store.persist([write({ entries: run(1, 1, "x") })]);
  assertEquals(store.lastIndex, toIndex(1));
});

Deno.test("a second write while one is under way is refused", async () => {
  await using store = await open(new MemoryDisk());
  const first = store.persist([write({ entries: run(1, 1, "x") })]);
  const second = store.persist([write({ entries: run(1, 1, "y") })]);
  await assertRejects(() => second, InvariantViolation, "is being written to");
  await first;
  assertEquals(store.lastIndex, toIndex(1));
});

Deno.test("B32: a sync that failed is final, even if the disk works again", async () => {
  const disk = new MemoryDisk();
  const store = await open(disk);
  await store.persist([write({ entries: run(1, 1, "x") })]);
  disk.failAt = disk.operations.length + 1;
  const failed = await assertRejects(
    () => store.persist([write({ hardState: vote(2), entries: run(2, 1, "y") })]),
    StorageError,
    "the store in /d failed: syncData /d/log/",
  );
  assert(failed.cause instanceof InjectedFailure);
  assertEquals(
    [store.lastIndex, store.hardState],
    [toIndex(1), vote(0)],
    "as if it were not there",
  );
  assertEquals(store.read(toIndex(1), 1)?.lastIndex, toIndex(1), "reads go on");
  const again = await assertRejects(
    () => store.persist([write({ entries: run(2, 1, "y") })]),
    StorageError,
    "accepts no writes until it is opened again",
  );
  assertStrictEquals(again.cause, failed);
  await store.close();

  // The bytes that may or may not be on the disk were cut off, so that nobody believes in them.
  const reopened = await open(disk);
  assertEquals([reopened.lastIndex, reopened.hardState], [toIndex(1), vote(0)]);
  await reopened.close();
});

Deno.test("B32: what a segment was begun with is cut off as well if its sync fails, or that of its name", async () => {
  for (const failing of ["syncData /d/log/00000002-", "syncDirectory /d/log"]) {
    const disk = new MemoryDisk();
    const store = await open(disk, { segmentSizeBytes: 1024, reserveSizeBytes: 0 });
    await store.persist([write({ entries: manyEntries(1, 1, 1, 900) })]);
    disk.failAt = disk.operations.length + (failing.startsWith("syncData") ? 2 : 3);
    await assertRejects(
      () => store.persist([write({ hardState: vote(2), entries: manyEntries(2, 1, 1, 900) })]),
      StorageError,
      failing,
    );
    await store.close();
    await using reopened = await open(disk);
    assertEquals([reopened.lastIndex, reopened.hardState], [toIndex(1), vote(0)]);
  }
});

Deno.test("B40: a disk that was full accepts writes again once the store is opened again", async () => {
  const disk = new MemoryDisk();
  const full = await open(disk);
  disk.failAt = disk.operations.length;
  await assertRejects(() => full.persist([write({ entries: run(1, 1, "x") })]), StorageError);
  await full.close();
  const store = await open(disk);
  assertEquals(store.recovered, []);
  await store.persist([write({ entries: run(1, 1, "x") })]);
  assertEquals(store.lastIndex, toIndex(1));
  await store.close();
});

Deno.test("B43: a store that is open is not opened twice", async () => {
  const disk = new MemoryDisk();
  const store = await open(disk);
  const error = await assertRejects(() => open(disk), StoreLockedError, "/d");
  assertEquals(error.outcome, "not-written");
  await store.close();
  await store.close();
  await (await open(disk)).close();
});

Deno.test("after it was closed a store does nothing more", async () => {
  const store = await open(new MemoryDisk(), { cacheSizeBytes: 0 });
  const last = store.persist([write({ entries: run(1, 1, "x") })]);
  const closed = store.close();
  await last;
  await closed;
  assertEquals(store.lastIndex, toIndex(1), "what was under way was waited for");
  await assertRejects(() => store.persist([]), StorageError, "closed");
  await assertRejects(() => store.truncatePrefix(toIndex(1)), StorageError, "closed");
  assertThrows(() => store.read(toIndex(1), 1), StorageError, "closed");
});

Deno.test("a write or a removal that is under way when a store is closed is finished first", async () => {
  for (const underWay of ["write", "removal"]) {
    const disk = new MemoryDisk();
    const options = { segmentSizeBytes: 1024 };
    const store = await open(disk, options);
    for (let index = 1; index <= 3; index += 1) {
      await store.persist([write({ entries: manyEntries(index, 1, 1, 900) })]);
    }
    const result = underWay === "write"
      ? store.persist([write({ entries: manyEntries(4, 1, 1, 900) })])
      : store.truncatePrefix(toIndex(2));
    await store.close();
    assertEquals(disk.openCount, 0);
    const segments = disk.paths().filter((path) => path.startsWith("/d/log/"));
    assertEquals(segments.length, underWay === "write" ? 4 : 1);
    await result;
    await (await open(disk, options)).close();
  }
});

Deno.test("B31: a store has an identity of its own, and keeps it", async () => {
  const disk = new MemoryDisk();
  const first = await open(disk);
  await first.close();
  const again = await open(disk);
  const other = await open(disk, { directory: "/e" });
  assertEquals(again.identity, first.identity);
  assertNotEquals(other.identity.storeId, first.identity.storeId);
  await again.close();
  await other.close();
});

Deno.test("a store belongs to the first node that opens it", async () => {
  const disk = new MemoryDisk();
  await (await open(disk)).close();
  const claimed = await open(disk, { nodeId: "n1" });
  assertEquals(claimed.identity.nodeId, "n1");
  await claimed.close();
  const anonymous = await open(disk);
  assertEquals(anonymous.identity, claimed.identity);
  await anonymous.close();
  await assertRejects(
    () => open(disk, { nodeId: "n2" }),
    StorageError,
    'the store in /d belongs to node "n1", not to "n2"',
  );
  assertEquals(disk.openCount, 0);
});

Deno.test("options that cannot be are refused before anything is touched", async () => {
  const disk = new MemoryDisk();
  for (
    const [options, message] of [
      [{ directory: "" }, 'directory is ""; allowed is the path of a directory'],
      [{ segmentSizeBytes: 100 }, "segmentSizeBytes is 100; allowed is a whole number from 1024"],
      [{ segmentSizeBytes: 2 ** 31 }, "segmentSizeBytes is 2147483648"],
      [{ segmentSizeBytes: NaN }, "segmentSizeBytes is NaN"],
      [{ cacheSizeBytes: -1 }, "cacheSizeBytes is -1; allowed is a whole number from 0"],
      [{ cacheSizeBytes: 0.5 }, "cacheSizeBytes is 0.5"],
    ] as const
  ) {
    await assertRejects(() => open(disk, options), InvalidConfigError, message);
  }
  assertEquals(disk.operations, []);
});

Deno.test("repairs and files that do not belong here are reported", async () => {
  const disk = new MemoryDisk();
  await (await open(disk)).close();
  const file = "/d/log/00000001-00000000000000000001.log";
  disk.plant(file, new Uint8Array([...disk.bytesOf(file), 1, 2, 3]));
  disk.plant("/d/log/notes.txt", new Uint8Array(0));
  const warnings: [string, Record<string, unknown> | undefined][] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (message, properties) => void warnings.push([message, properties]),
  };
  const store = await open(disk, { logger });
  const expected = "a batch of at least 24 bytes";
  const repair = {
    kind: "cut-batch",
    file,
    offset: 80,
    sizeBytes: 3,
    reason: `expected ${expected}, found 3 bytes`,
  } as const;
  assertEquals(store.recovered, [repair]);
  assertEquals(warnings.map(([, properties]) => properties), [
    { file: "/d/log/notes.txt" },
    repair,
  ]);
  await store.close();
});

Deno.test("B42: after a burst and its compaction, a batch costs what it did before", async () => {
  const disk = new MemoryDisk();
  await using store = await open(disk, { segmentSizeBytes: 1024, reserveSizeBytes: 0 });
  await store.persist([write({ entries: manyEntries(1, 1, 1) })]);
  for (let index = 2; index <= 500; index += 1) {
    await store.persist([write({ entries: manyEntries(index, 1, 1, 900) })]);
  }
  await store.truncatePrefix(toIndex(499));
  assertEquals(disk.paths().filter((path) => path.startsWith("/d/log/")).length, 1);
  await store.persist([write({ entries: manyEntries(501, 1, 1) })]);
  const since = disk.operations.length;
  await store.persist([write({ entries: manyEntries(502, 1, 1) })]);
  assertEquals(operationsSince(disk, since), ["append", "syncData"]);
  assertGreater(store.firstIndex, 499);
});

Deno.test("what a new store is called, and when a snapshot was made, can be determined", async () => {
  const disk = new MemoryDisk();
  const uuid = (last: number) => `01234567-89ab-4cde-8f01-23456789abc${last}`;
  const clock = { ...systemClock, wallTime: () => 1234 };
  const options = { directory: "/d", fs: disk, newStoreId: () => uuid(1), clock };
  await using store = await FsLogStore.open(options);
  await using snapshots = await FsSnapshotStore.open({ ...options, newStoreId: () => uuid(2) });
  assertEquals([store.identity.storeId, snapshots.identity.storeId], [uuid(1), uuid(1)]);
  const sink = await snapshots.create();
  const configuration = { index: toIndex(1), configuration: { servers: [] } };
  const point = { lastIncludedIndex: toIndex(1), lastIncludedTerm: toTerm(1), configuration };
  assertStrictEquals((await sink.commit(point)).createdAtMs, 1234);
});
