/**
 * What the store does with files that take nothing, are too large, or are gone.
 *
 * @module
 */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { StorageError, toIndex } from "@coracle/core";
import { DamageError } from "./damage.ts";
import { appendAll, appendAllSync, type AppendFile, readWholeSync } from "./files.ts";
import { inspectStore } from "./inspect.ts";
import { messageOf } from "./failure.ts";
import { FsSnapshotStore } from "./snapshot_store.ts";
import { FsLogStore } from "./store.ts";
import { manyEntries, write } from "./_testing/logs.ts";
import { MemoryDisk } from "./_testing/memory_disk.ts";
import { point, save } from "./_testing/snapshots.ts";

/** A disk that shows names whose files are gone when somebody opens them: another process has removed them meanwhile. */
class GhostDisk extends MemoryDisk {
  ghosts = new Map<string, readonly string[]>();

  override async list(directory: string): Promise<readonly string[] | undefined> {
    const names = await super.list(directory);
    return names === undefined ? undefined : [...names, ...this.ghosts.get(directory) ?? []];
  }
}

const SEGMENT = "00000002-00000000000000000001.log";

/** A disk with a store that has one segment and one snapshot. */
async function withStore(): Promise<GhostDisk> {
  const disk = new GhostDisk();
  const log = await FsLogStore.open({ directory: "/d", fs: disk });
  await log.persist([write({ entries: manyEntries(1, 1, 3) })]);
  await log.close();
  const snapshots = await FsSnapshotStore.open({ directory: "/d", fs: disk });
  await save(snapshots, point(1, 2));
  await snapshots.close();
  return disk;
}

Deno.test("a disk that takes none of the bytes is not asked for ever", async () => {
  const file = { appendSync: () => 0, append: () => Promise.resolve(0) } as unknown as AppendFile;
  assertThrows(
    () => appendAllSync(file, new Uint8Array(3)),
    Error,
    "the disk took none of 3 bytes",
  );
  const append = () => appendAll(file, new Uint8Array(3));
  await assertRejects(append, Error, "the disk took none of 3 bytes");
});

Deno.test("a file that is read whole has a largest size, and may be missing", () => {
  const disk = new MemoryDisk();
  disk.plant("/x", new Uint8Array(11));
  assertEquals(readWholeSync(disk, "/x", 11)?.length, 11);
  assertEquals(readWholeSync(disk, "/y", 11), undefined);
  const message = "/x has 11 bytes; at most 10 are allowed";
  assertThrows(() => readWholeSync(disk, "/x", 10), Error, message);
  assertEquals(disk.openCount, 0);
});

Deno.test("a segment that was listed and is gone is damage to who opens the log, and nothing to who looks on", async () => {
  const disk = await withStore();
  disk.ghosts.set("/d/log", [SEGMENT]);
  const open = () => FsLogStore.open({ directory: "/d", fs: disk });
  const error = await assertRejects(open, DamageError, `/d/log/${SEGMENT}`);
  assertEquals(error.damage.found, "no file");
  const { segments, findings, lastIndex } = await inspectStore("/d", { fs: disk });
  assertEquals([segments.length, findings, lastIndex], [1, [], toIndex(3)]);
  assertEquals(disk.openCount, 0);
});

Deno.test("snapshots that were listed and are gone are not listed by the store, and nothing to who looks on", async () => {
  const disk = await withStore();
  disk.ghosts.set("/d/snapshots", ["1-9-7.snap"]);
  const store = await FsSnapshotStore.open({ directory: "/d", fs: disk });
  assertEquals(store.list().map(({ id }) => id), ["1-2-1"]);
  assertEquals(store.damages.map(({ file, found }) => [file, found]), [
    ["/d/snapshots/1-9-7.snap", "no file"],
  ]);
  await store.close();
  const { snapshots, findings } = await inspectStore("/d", { fs: disk });
  assertEquals([snapshots.length, findings], [1, []]);
});

Deno.test("a snapshot that is gone before it is verified is damage", async () => {
  const disk = await withStore();
  const { snapshots } = await inspectStore("/d", { fs: disk });
  disk.unplant("/d/snapshots/1-2-1.snap");
  assertEquals((await snapshots[0]!.verify())?.found, "no file");
});

Deno.test("an unfinished snapshot that is gone cannot be removed, which is said", async () => {
  const disk = await withStore();
  disk.ghosts.set("/d/snapshots", ["9.snap.tmp"]);
  const open = () => FsSnapshotStore.open({ directory: "/d", fs: disk });
  await assertRejects(open, StorageError, "/d/snapshots/9.snap.tmp does not exist");
  assertEquals(disk.openCount, 0);
});

Deno.test("without its identity, what is left of a creation is removed if it was never used; unfinished snapshots do not matter", async () => {
  const disk = new GhostDisk();
  await (await FsLogStore.open({ directory: "/d", fs: disk })).close();
  disk.unplant("/d/identity.json");
  await disk.makeDirectory("/d/snapshots");
  disk.plant("/d/snapshots/1.snap.tmp", new Uint8Array(1));
  await (await FsLogStore.open({ directory: "/d", fs: disk })).close();

  const other = new GhostDisk();
  other.makeDirectories("/d/log/");
  other.ghosts.set("/d/log", [SEGMENT]);
  const open = () => FsLogStore.open({ directory: "/d", fs: other });
  await assertRejects(open, StorageError, `${SEGMENT} exists with 0 bytes`);
});

Deno.test("B32: a removal that waits behind one that fails does not touch the disk", async () => {
  const disk = new MemoryDisk();
  const store = await FsLogStore.open({ directory: "/d", fs: disk, segmentSizeBytes: 1024 });
  for (let index = 1; index <= 4; index += 1) {
    await store.persist([write({ entries: manyEntries(index, 1, 1, 900) })]);
  }
  disk.failAt = disk.operations.length;
  const removals = [store.truncatePrefix(toIndex(1)), store.truncatePrefix(toIndex(2))];
  for (const removal of removals) {
    await assertRejects(() => removal, StorageError, "the store in /d failed: remove /d/log/");
  }
  assertEquals(disk.operations.filter((one) => one.startsWith("remove /d/log/")).length, 1);
  await store.close();
});

Deno.test("an error that is none is said as it is", () => {
  assertEquals(messageOf("just a text"), "just a text");
});

Deno.test("a snapshot under another's name is damage, whichever store it is of", async () => {
  const disk = await withStore();
  disk.plant("/d/snapshots/1-3-1.snap", disk.bytesOf("/d/snapshots/1-2-1.snap"));
  disk.unplant("/d/identity.json");
  const { snapshots } = await inspectStore("/d", { fs: disk });
  const [other] = snapshots;
  assertEquals(other!.file, "/d/snapshots/1-3-1.snap");
  assertEquals(other!.damage?.found.startsWith("1-2-1.snap of store "), true);
});
