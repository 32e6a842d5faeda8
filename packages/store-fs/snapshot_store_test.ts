/**
 * What a store of snapshots does as long as nothing is damaged, and whom it refuses.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  InvalidConfigError,
  InvariantViolation,
  type Logger,
  silentLogger,
  StorageError,
  StoreLockedError,
  toIndex,
} from "@coracle/core";
import { FsLogStore } from "./store.ts";
import { manyEntries, write } from "./_testing/logs.ts";
import { FORGET, InjectedFailure, MemoryDisk } from "./_testing/memory_disk.ts";
import {
  collect,
  joined,
  load,
  openSnapshots,
  point,
  save,
  someData,
} from "./_testing/snapshots.ts";

/** The files in the directory of snapshots. */
function files(disk: MemoryDisk): string[] {
  return disk.paths().filter((path) => path.startsWith("/d/snapshots/"));
}

/** A logger that collects what it is told. */
function listening(): { logger: Logger; heard: [string, Record<string, unknown> | undefined][] } {
  const heard: [string, Record<string, unknown> | undefined][] = [];
  const hear: Logger["warn"] = (message, properties) => void heard.push([message, properties]);
  return { logger: { ...silentLogger, warn: hear, error: hear }, heard };
}

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

Deno.test("B43: log and snapshots share a directory within a process, in any order, and nobody else gets in", async () => {
  const disk = new MemoryDisk();
  const open = {
    log: () => FsLogStore.open({ directory: "/d", nodeId: "n1", fs: disk }),
    snapshots: () => openSnapshots(disk, { nodeId: "n1" }),
  };
  for (
    const [first, second] of [["log", "snapshots"], ["snapshots", "log"]] as const
  ) {
    const one = await open[first]();
    const other = await open[second]();
    assertEquals(one.identity, other.identity);
    await assertRejects(open[first], StoreLockedError, "/d");
    await assertRejects(open[second], StoreLockedError, "/d");
    await one.close();
    await assertRejects(open[second], StoreLockedError, "/d");
    // What another process sees: the lock is held until both are closed.
    assertEquals(await disk.lock("/d/lock"), undefined);
    const onceMore = await open[first]();
    await other.close();
    assertEquals(await disk.lock("/d/lock"), undefined);
    await onceMore.close();
    const free = await disk.lock("/d/lock");
    assert(free !== undefined);
    await assertRejects(open.log, StoreLockedError, "/d");
    await assertRejects(open.snapshots, StoreLockedError, "/d");
    free.release();
  }
});

Deno.test("log and snapshots may be opened at the same time, in a directory that does not exist yet", async () => {
  const disk = new MemoryDisk();
  const directory = "/made/on/the/way";
  const [log, snapshots] = await Promise.all([
    FsLogStore.open({ directory, fs: disk }),
    openSnapshots(disk, { directory: "/made//on/the/way/" }),
  ]);
  assertEquals(log.identity, snapshots.identity);
  await Promise.all([log.close(), snapshots.close()]);
  assertEquals(disk.openCount, 0);
});

Deno.test("when the lock is held elsewhere, both are refused, and both get it afterwards", async () => {
  const disk = new MemoryDisk();
  await (await openSnapshots(disk)).close();
  const held = await disk.lock("/d/lock");
  const attempts = [FsLogStore.open({ directory: "/d", fs: disk }), openSnapshots(disk)];
  for (const attempt of attempts) await assertRejects(() => attempt, StoreLockedError);
  held!.release();
  const stores = await Promise.all([
    FsLogStore.open({ directory: "/d", fs: disk }),
    openSnapshots(disk),
  ]);
  for (const store of stores) await store.close();
});

Deno.test("B04: snapshots without the identity of their store are not given another one", async () => {
  const disk = new MemoryDisk();
  const store = await openSnapshots(disk);
  await save(store, point(1, 1));
  await store.close();
  disk.unplant("/d/identity.json");
  for (const path of disk.paths()) if (path.startsWith("/d/log/")) disk.unplant(path);
  await assertRejects(
    () => openSnapshots(disk),
    StorageError,
    "/d/identity.json is missing, but /d/snapshots/1-1-1.snap exists",
  );
  assertEquals(disk.openCount, 0);
});

Deno.test("a directory belongs to one node, whichever store is opened first", async () => {
  const disk = new MemoryDisk();
  await (await openSnapshots(disk, { nodeId: "n1" })).close();
  const message = 'belongs to node "n1", not to "n2"';
  await assertRejects(() => openSnapshots(disk, { nodeId: "n2" }), StorageError, message);
  await assertRejects(
    () => FsLogStore.open({ directory: "/d", nodeId: "n2", fs: disk }),
    StorageError,
    message,
  );
  await using log = await FsLogStore.open({ directory: "/d", nodeId: "n1", fs: disk });
  await assertRejects(() => openSnapshots(disk, { nodeId: "n2" }), StorageError, message);
  assertEquals(log.identity.nodeId, "n1");
  assertEquals(disk.openCount, 2, "the lock and the newest segment");
});

Deno.test("options that cannot be are refused before anything is touched", async () => {
  const disk = new MemoryDisk();
  for (
    const [options, message] of [
      [{ retain: 0 }, "retain is 0; allowed is a whole number from 1 to"],
      [{ retain: 0 }, "must retain at least one snapshot"],
      [{ retain: 1.5 }, "retain is 1.5"],
      [{ retain: -1 }, "retain is -1"],
      [{ blockSizeBytes: 63 }, "blockSizeBytes is 63; allowed is a whole number from 64 to"],
      [{ blockSizeBytes: 2 ** 24 + 1 }, "blockSizeBytes is 16777217"],
      [{ directory: "" }, 'directory is ""'],
    ] as const
  ) {
    await assertRejects(() => openSnapshots(disk, options), InvalidConfigError, message);
  }
  assertEquals(disk.operations, []);
});

Deno.test("closing gives up what is written, ends what is read, and waits for what is under way", async () => {
  const disk = new MemoryDisk();
  const store = await openSnapshots(disk, { retain: 1 });
  const { id } = await save(store, point(1, 1), someData(1000));
  const source = await store.open(id);
  const reading = source.read()[Symbol.asyncIterator]();
  await reading.next();
  const sink = await store.create();
  await sink.write(someData(1000));
  const committed = await store.create();
  const committing = committed.commit(point(1, 2));
  const creating = store.create();
  const refused = assertRejects(() => creating, StorageError, "/d/snapshots is closed");
  const writing = sink.write(someData(1000));
  const underWay = reading.next();

  await Promise.all([store.close(), store.close()]);
  assertEquals(disk.openCount, 0);
  assertEquals(files(disk), ["/d/snapshots/1-2-3.snap"]);
  await Promise.all([committing, writing, underWay, refused]);

  const message = "1-1-1.snap was closed before it was read to its end";
  await assertRejects(() => reading.next(), StorageError, message);
  assertEquals(await reading.next(), { done: true, value: undefined });
  await assertRejects(() => sink.write(someData(1)), StorageError, "was given up");
  await sink.abort();
  await source.close();
  await assertRejects(() => store.create(), StorageError, "/d/snapshots is closed");
  await assertRejects(() => store.open(id), StorageError, "/d/snapshots is closed");
  assertEquals(store.list().map(({ id }) => id), ["1-2-3"], "what is known stays known");
});

Deno.test("a read that fails ends with an error that names the file", async () => {
  const disk = new MemoryDisk();
  await using store = await openSnapshots(disk);
  const { id } = await save(store, point(1, 1), someData(1000));
  await using source = await store.open(id);
  const reading = source.read()[Symbol.asyncIterator]();
  await reading.next();
  disk.failAt = disk.operations.length;
  const message = "/d/snapshots/1-1-1.snap cannot be read: read /d/snapshots/1-1-1.snap";
  const error = await assertRejects(() => reading.next(), StorageError, message);
  assert(error.cause instanceof InjectedFailure);
  await using again = await store.open(id);
  assertEquals(await collect(again.read()), someData(1000));
});

Deno.test("B86: a disk that takes and gives a few bytes at a time gets and gives all of them", async () => {
  const disk = new MemoryDisk();
  disk.appendMaxBytes = 7;
  disk.readMaxBytes = 5;
  const store = await openSnapshots(disk);
  const meta = await save(store, point(1, 1), someData(500));
  await store.close();
  const again = await openSnapshots(disk);
  assertEquals(again.list(), [meta]);
  assertEquals(await load(again, meta.id), someData(500));
  await again.close();
});
