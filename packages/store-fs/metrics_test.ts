/**
 * What a store measures, each with a value that is known.
 *
 * @module
 */
import { MemoryMetrics, VirtualClock } from "@coracle/testing";
import { assertEquals, assertRejects } from "@std/assert";
import { StorageError, toIndex } from "@coracle/core";
import { manyEntries, run, vote, write } from "./_testing/logs.ts";
import { MemoryDisk } from "./_testing/memory_disk.ts";
import { STORE_METRICS } from "./metrics.ts";
import { FsLogStore, type FsLogStoreOptions } from "./store.ts";

interface Measured extends AsyncDisposable {
  readonly store: FsLogStore;
  readonly metrics: MemoryMetrics;
  readonly clock: VirtualClock;
}

async function open(
  disk: MemoryDisk,
  options: Partial<FsLogStoreOptions> = {},
): Promise<Measured> {
  const metrics = new MemoryMetrics(STORE_METRICS);
  const clock = new VirtualClock();
  const store = await FsLogStore.open({ directory: "/d", fs: disk, metrics, clock, ...options });
  return {
    store,
    metrics,
    clock,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      assertEquals(metrics.problems, []);
    },
  };
}

Deno.test("measured: what a batch holds, once for the batch", async () => {
  await using measured = await open(new MemoryDisk());
  const { store, metrics } = measured;
  const runs = [manyEntries(1, 1, 3), manyEntries(4, 1, 7)];
  await store.persist(runs.map((entries) => write({ entries })));
  assertEquals(metrics.names, ["log_appends", "log_entries_written", "log_entry_bytes_written"]);
  assertEquals(metrics.total("log_appends"), 1);
  assertEquals(metrics.total("log_entries_written"), 10);
  const sizeBytes = runs[0]!.bytes.length + runs[1]!.bytes.length;
  assertEquals(metrics.total("log_entry_bytes_written"), sizeBytes);
  await store.persist([write({ entries: run(11, 1, "x") })]);
  assertEquals([metrics.total("log_appends"), metrics.total("log_entries_written")], [2, 11]);
});

Deno.test("measured: batches with a new term or vote", async () => {
  await using measured = await open(new MemoryDisk());
  const { store, metrics } = measured;
  await store.persist([write({ hardState: vote(1) }), write({ hardState: vote(2, "n1") })]);
  await store.persist([write({ hardState: vote(2, "n1") })]);
  await store.persist([write({ hardState: vote(3), entries: run(1, 3, "x") })]);
  assertEquals(metrics.total("stable_sets"), 2);
  assertEquals(metrics.total("log_appends"), 1);
});

Deno.test("measured: entries dropped from the end", async () => {
  await using measured = await open(new MemoryDisk());
  const { store, metrics } = measured;
  await store.persist([write({ entries: manyEntries(1, 1, 10) })]);
  await store.persist([write({ truncateFrom: 7, entries: run(7, 2, "x") })]);
  assertEquals(metrics.total("tail_truncations"), 4);
  assertEquals(metrics.total("head_truncations"), 0);
});

Deno.test("measured: full segments, how long they were written to, and entries dropped with them", async () => {
  await using measured = await open(new MemoryDisk(), { segmentSizeBytes: 1024 });
  const { store, metrics, clock } = measured;
  await store.persist([write({ entries: manyEntries(1, 1, 10, 60) })]);
  assertEquals(metrics.total("segment_rotations"), 0);
  await clock.advance(2500);
  await store.persist([write({ entries: manyEntries(11, 1, 10, 60) })]);
  assertEquals(metrics.total("segment_rotations"), 1);
  assertEquals(metrics.level("last_segment_age_seconds"), 2.5);
  await clock.advance(500);
  await store.persist([write({ entries: manyEntries(21, 1, 10, 60) })]);
  assertEquals(metrics.total("segment_rotations"), 2);
  assertEquals(metrics.level("last_segment_age_seconds"), 0.5);
  await store.truncatePrefix(toIndex(15));
  assertEquals(metrics.total("head_truncations"), 10);
  await store.truncatePrefix(toIndex(15));
  assertEquals(metrics.total("head_truncations"), 10);
});

Deno.test("measured: a log that begins anew after a snapshot has lost all its entries at its beginning", async () => {
  await using measured = await open(new MemoryDisk(), { segmentSizeBytes: 1024 });
  const { store, metrics } = measured;
  await store.persist([write({ entries: manyEntries(1, 1, 10, 60) })]);
  await store.persist([write({ entries: manyEntries(11, 1, 10, 60) })]);
  await store.persist([write({ reset: [100, 3] })]);
  assertEquals(metrics.total("head_truncations"), 20);
  assertEquals(metrics.total("tail_truncations"), 0);
});

Deno.test("measured: what is read from segments; what the cache holds is not", async () => {
  const disk = new MemoryDisk();
  const entries = manyEntries(1, 1, 10);
  {
    await using measured = await open(disk);
    const { store, metrics } = measured;
    await store.persist([write({ entries })]);
    store.read(toIndex(1), 1 << 20);
    assertEquals(metrics.total("log_entries_read"), 0);
  }
  await using measured = await open(disk);
  const { store, metrics } = measured;
  store.read(toIndex(4), 1 << 20);
  assertEquals(metrics.total("log_entries_read"), 7);
  assertEquals(metrics.total("log_entry_bytes_read"), entries.slice(toIndex(4)).bytes.length);
});

Deno.test("what fails is not measured", async () => {
  const disk = new MemoryDisk();
  await using measured = await open(disk);
  const { store, metrics } = measured;
  disk.failAt = disk.operations.length;
  await assertRejects(() => store.persist([write({ entries: run(1, 1, "x") })]), StorageError);
  assertEquals(metrics.measurements, []);
});
