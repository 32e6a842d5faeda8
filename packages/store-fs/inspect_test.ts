import { assert, assertEquals, assertGreater } from "@std/assert";
import { toIndex, toTerm } from "@coracle/core";
import { inspectStore } from "./inspect.ts";
import { FsSnapshotStore } from "./snapshot_store.ts";
import { FsLogStore } from "./store.ts";
import { LogModel, manyEntries, plain, run, vote, write } from "./_testing/logs.ts";
import { MemoryDisk } from "./_testing/memory_disk.ts";
import { point, save, someData } from "./_testing/snapshots.ts";

const FIRST = "/d/log/00000001-00000000000000000001.log";

/** A store with entries 1 to 42 in several segments, some of which replaced others. */
async function someStore(): Promise<{ disk: MemoryDisk; store: FsLogStore; model: LogModel }> {
  const disk = new MemoryDisk();
  const store = await FsLogStore.open({
    directory: "/d",
    nodeId: "n1",
    segmentSizeBytes: 1024,
    fs: disk,
  });
  const model = new LogModel();
  for (
    const change of [
      write({ hardState: vote(1, "n1"), entries: run(1, 1, '{"servers":[]}', "b") }),
      write({ entries: manyEntries(3, 1, 12, 30) }),
      write({ entries: manyEntries(15, 1, 12, 30) }),
      write({ hardState: vote(2), truncateFrom: 10, entries: manyEntries(10, 2, 3) }),
      write({ entries: manyEntries(13, 2, 15, 30) }),
      write({ entries: manyEntries(28, 2, 15, 30) }),
    ]
  ) {
    await store.persist([change]);
    model.apply(change);
  }
  return { disk, store, model };
}

/** Looks at the store on `disk`, and holds it to writing nothing and keeping nothing open. */
async function inspect(disk: MemoryDisk) {
  const openCount = disk.openCount;
  const since = disk.operations.length;
  const inspection = await inspectStore("/d", { fs: disk });
  const entries = [...inspection.entries()].map(plain);
  assertEquals(disk.openCount, openCount);
  const reading = new Set(["list", "openRead", "size", "read"]);
  assertEquals(disk.operations.slice(since).filter((op) => !reading.has(op.split(" ")[0]!)), []);
  return { ...inspection, entries };
}

Deno.test("an inspection shows all of a store, open or not, and writes nothing", async () => {
  const { disk, store, model } = await someStore();
  const opened = await inspect(disk);
  await store.close();
  const closed = await inspect(disk);
  assertEquals(closed.entries, opened.entries);
  assertEquals(closed.segments, opened.segments);

  assertEquals(closed.identity, store.identity);
  assertEquals(closed.hardState, vote(2));
  assertEquals([closed.firstIndex, closed.lastIndex], [toIndex(1), toIndex(42)]);
  assertEquals(closed.lastTerm, toTerm(2));
  assertEquals(closed.configurations, [toIndex(1)]);
  assertEquals(closed.entries, model.entries);
  assertEquals(closed.findings, []);
  assertEquals(closed.cuts.map(({ kind, lastIndex }) => [kind, lastIndex]), [["truncate", 9]]);
  assertEquals(closed.segments.map(({ sequence }) => sequence), [1, 2, 3, 4, 5, 6]);
  assertEquals(
    closed.segments.map(({ firstIndex, lastIndex, batches }) => [firstIndex, lastIndex, batches]),
    [[1, 2, 1], [3, 9, 1], [undefined, undefined, 1], [10, 12, 1], [13, 27, 1], [28, 42, 1]],
  );
  for (const { file, sizeBytes } of closed.segments) {
    assertEquals(disk.bytesOf(file).length, sizeBytes);
  }
});

Deno.test("an inspection goes on after damage and says where it is", async () => {
  const { disk, store, model } = await someStore();
  await store.close();
  const bytes = disk.bytesOf(FIRST).slice();
  const { offset } = await damaged(disk, FIRST, bytes, 120);
  assertEquals(offset, 80);
  const { entries, findings, hardState } = await inspect(disk);
  assertEquals(findings.map(({ kind, file, offset }) => [kind, file, offset]), [
    ["damage", FIRST, 80],
  ]);
  assertEquals(entries, model.entries.filter(({ index }) => index > 2));
  assertEquals(hardState, vote(2));
});

/** Flips a byte and returns what is found then. */
async function damaged(
  disk: MemoryDisk,
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
) {
  const copy = bytes.slice();
  copy[at]! ^= 0xff;
  disk.plant(file, copy);
  const { findings } = await inspect(disk);
  assertGreater(findings.length, 0, `byte ${at} of ${file}`);
  return findings[0]!;
}

Deno.test("whatever byte is damaged, an inspection says so and throws nothing", async () => {
  const { disk, store } = await someStore();
  await store.close();
  for (const file of disk.paths()) {
    const bytes = disk.bytesOf(file);
    // The last byte of identity.json only ends the line.
    const size = file.endsWith(".json") ? bytes.length - 1 : bytes.length;
    for (let at = 0; at < size; at += 1) {
      const finding = await damaged(disk, file, bytes, at);
      assertEquals(finding.file, file);
      assert(finding.expected !== "" && finding.found !== finding.expected);
    }
    disk.plant(file, bytes);
  }
});

Deno.test("what was dropped by a batch that cannot be read is not shown beside what took its place", async () => {
  for (const segmentSizeBytes of [1024, 1024 * 1024]) {
    // Small batches share a stretch of the index, large ones do not.
    for (const textLength of [30, 30_000]) {
      const disk = new MemoryDisk();
      const store = await FsLogStore.open({ directory: "/d", segmentSizeBytes, fs: disk });
      for (
        const change of [
          write({ entries: manyEntries(1, 1, 12, textLength) }),
          write({ entries: manyEntries(13, 1, 12, textLength) }),
          write({ hardState: vote(2), truncateFrom: 10, entries: manyEntries(10, 2, 3) }),
          write({ entries: manyEntries(13, 2, 3, textLength) }),
          write({ truncateFrom: 6, entries: manyEntries(6, 3, 1) }),
          write({ entries: manyEntries(7, 3, 2, textLength) }),
          write({ reset: [5, 3], entries: manyEntries(6, 3, 3) }),
          write({ entries: manyEntries(9, 3, 3, textLength) }),
        ]
      ) await store.persist([change]);
      await store.close();
      for (const file of disk.paths().filter((path) => path.endsWith(".log"))) {
        const bytes = disk.bytesOf(file);
        for (let at = 0; at < bytes.length; at += Math.max(1, bytes.length >> 7)) {
          const copy = bytes.slice();
          copy[at]! ^= 0xff;
          disk.plant(file, copy);
          const { entries, findings } = await inspect(disk);
          const where = `byte ${at} of ${file}`;
          assertGreater(findings.length, 0, where);
          for (const [before, { index }] of entries.slice(1).entries()) {
            assertGreater(index, entries[before]!.index, where);
          }
        }
        disk.plant(file, bytes);
      }
    }
  }
});

Deno.test("a torn write is told from damage, as when the store is opened", async () => {
  const { disk, store, model } = await someStore();
  await store.close();
  const { segments } = await inspect(disk);
  const newest = segments.at(-1)!;
  const bytes = disk.bytesOf(newest.file);
  disk.plant(newest.file, bytes.slice(0, bytes.length - 1));
  const torn = await inspect(disk);
  assertEquals(torn.findings.map(({ kind, file }) => [kind, file]), [["torn-write", newest.file]]);
  assertEquals(torn.lastIndex, toIndex(27));
  assertEquals(torn.entries, model.entries.slice(0, 27));

  disk.plant(newest.file, bytes.slice(0, 40));
  const halfMade = await inspect(disk);
  assertEquals(halfMade.findings.map(({ kind }) => kind), ["torn-write"]);
  assertEquals(halfMade.entries, model.entries.slice(0, 27));
});

Deno.test("segments that are missing are named, and the others are shown", async () => {
  const { disk, store, model } = await someStore();
  await store.close();
  const { segments } = await inspect(disk);
  disk.unplant(segments[1]!.file);
  const { findings, entries, lastIndex } = await inspect(disk);
  assertEquals(findings.map(({ file, found }) => [file, found]), [
    ["/d/log", segments[2]!.file],
  ]);
  assertEquals(lastIndex, toIndex(42));
  assertEquals(entries, model.entries.filter(({ index }) => index < 3 || index > 9));
});

Deno.test("without an identity the log is shown all the same", async () => {
  const { disk, store, model } = await someStore();
  await store.close();
  disk.unplant("/d/identity.json");
  const { identity, findings, entries } = await inspect(disk);
  assertEquals(identity, undefined);
  assertEquals(findings.map(({ file, found }) => [file, found]), [["/d/identity.json", "no file"]]);
  assertEquals(entries, model.entries);
});

Deno.test("snapshots are shown, the newest first, and verified when asked to", async () => {
  const { disk, store } = await someStore();
  const snapshots = await FsSnapshotStore.open({ directory: "/d", blockSizeBytes: 64, fs: disk });
  const old = await save(snapshots, point(1, 9), someData(100));
  const newest = await save(snapshots, point(1, 10, "n2"), someData(200));
  const sink = await snapshots.create();
  await sink.write(someData(1000));
  const opened = await inspect(disk);
  assertEquals(opened.findings.map(({ kind, file, found }) => [kind, file, found]), [
    ["torn-write", "/d/snapshots/3.snap.tmp", "one whose writing was cut short"],
  ]);
  await snapshots.close();
  await store.close();

  const closed = await inspect(disk);
  assertEquals(closed.findings, []);
  assertEquals(closed.snapshots.map(({ file, meta, damage }) => [file, meta, damage]), [
    ["/d/snapshots/1-10-2.snap", newest, undefined],
    ["/d/snapshots/1-9-1.snap", old, undefined],
  ]);
  for (const snapshot of closed.snapshots) assertEquals(await snapshot.verify(), undefined);
  assertEquals(disk.openCount, 0);
});

Deno.test("a damaged snapshot is a finding if header or trailer say so, and otherwise when it is verified", async () => {
  const { disk, store } = await someStore();
  const snapshots = await FsSnapshotStore.open({ directory: "/d", blockSizeBytes: 64, fs: disk });
  const old = await save(snapshots, point(1, 9), someData(100));
  await save(snapshots, point(1, 10), someData(200));
  await snapshots.close();
  await store.close();
  const file = "/d/snapshots/1-10-2.snap";
  const bytes = disk.bytesOf(file).slice();

  await damaged(disk, file, bytes, 0);
  const inHeader = await inspect(disk);
  assertEquals(inHeader.snapshots.map(({ meta }) => meta), [undefined, old]);
  const { damage } = inHeader.snapshots[0]!;
  assertEquals(inHeader.findings, [{ kind: "damage", ...damage! }]);
  assertEquals([damage?.file, damage?.offset], [file, 0]);

  const copy = bytes.slice();
  copy[48 + 72 + 5]! ^= 1;
  disk.plant(file, copy);
  const inData = await inspect(disk);
  assertEquals(inData.findings, []);
  const found = await inData.snapshots[0]!.verify();
  assertEquals([found?.file, found?.offset], [file, 48 + 72]);
  assertEquals(await inData.snapshots[1]!.verify(), undefined);
  disk.unplant(file);
  assertEquals((await inData.snapshots[0]!.verify())?.found, "no file");
  assertEquals(disk.openCount, 0);
});

Deno.test("an identity that is far too large is a finding", async () => {
  const { disk, store, model } = await someStore();
  await store.close();
  disk.plant("/d/identity.json", new Uint8Array(64 * 1024 + 1));
  const { identity, findings, entries } = await inspect(disk);
  assertEquals(identity, undefined);
  assertEquals(findings, [{
    kind: "damage",
    file: "/d/identity.json",
    offset: 0,
    expected: "at most 65536 bytes",
    found: "65537 bytes",
  }]);
  assertEquals(entries, model.entries);
});

Deno.test("a directory that holds no store, or does not exist, is a finding", async () => {
  const { findings, segments, snapshots, lastIndex } = await inspect(new MemoryDisk());
  assertEquals(findings.map(({ file, found }) => [file, found]), [
    ["/d/identity.json", "no file"],
    ["/d/log", "none"],
  ]);
  assertEquals([segments.length, snapshots.length, lastIndex], [0, 0, 0]);
});

Deno.test("a store whose prefix was dropped or that was reset is shown as it is", async () => {
  const { disk, store } = await someStore();
  await store.truncatePrefix(toIndex(42));
  assertEquals((await inspect(disk)).firstIndex, store.firstIndex);
  await store.persist([write({ reset: [100, 7], entries: run(101, 7, "x") })]);
  await store.close();
  const { firstIndex, entries, cuts, findings } = await inspect(disk);
  assertEquals([firstIndex, entries.length, findings], [toIndex(101), 1, []]);
  assertEquals(cuts.map(({ kind, lastIndex }) => [kind, lastIndex]), [["reset", 100]]);
});
