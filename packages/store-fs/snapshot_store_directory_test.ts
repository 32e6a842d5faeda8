/**
 * A snapshot store and its directory: with whom it shares it, to whom it belongs, and how it lets go.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { InvalidConfigError, StorageError, StoreLockedError } from "@coracle/core";
import { FsLogStore } from "./store.ts";
import { InjectedFailure, MemoryDisk } from "./_testing/memory_disk.ts";
import { collect, load, openSnapshots, point, save, someData } from "./_testing/snapshots.ts";
import { files } from "./_testing/snapshot_stores.ts";

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
