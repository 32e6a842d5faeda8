/**
 * What a snapshot store lists and gives back after the machine has stopped, its disk has failed, or something is damaged.
 *
 * @module
 */
import { StorageError } from "@coracle/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { collect, point, type SnapshotBench, someData } from "./snapshot_bench.ts";
import type { SnapshotCheck } from "./snapshot_store_basics.ts";

/** Needs `crash`. */
export const SNAPSHOT_CRASH_CHECKS: readonly SnapshotCheck[] = [
  ["what was committed is there after a crash, and nothing else is", async (bench) => {
    for (let index = 1; index <= 4; index += 1) {
      await bench.save(point(1, index), someData(5000 * index, index));
      const sink = await bench.store.create();
      await sink.write(someData(100_000, 9));
      await bench.crash();
      await bench.holdsAnew();
    }
    await bench.reopen();
  }],

  ["what was being committed at a crash is there as a whole or not at all", async (bench) => {
    for (let index = 1; index <= 6; index += 1) {
      const sink = await bench.store.create();
      const data = someData(50_000, index);
      await sink.write(data);
      const at = point(1, index);
      sink.commit(at).catch(() => {});
      for (let turn = 0; turn < 4 * index; turn += 1) await undefined;
      const find = () =>
        bench.store.list().find(({ lastIncludedIndex }) => lastIncludedIndex === index);
      const shown = find();
      await bench.crash();
      const found = find();
      // The log may be compacted up to what is listed.
      assert(
        shown === undefined || found !== undefined,
        `${shown?.id} was listed before the crash, and is not there after it`,
      );
      if (found !== undefined) bench.committed({ meta: found, data });
      await bench.holdsAnew();
    }
    await bench.save(point(1, 9), someData(10, 9));
    await bench.crash();
    await bench.holdsAnew();
  }],
];

/** Needs `fail`. */
export const SNAPSHOT_FAILURE_CHECKS: readonly SnapshotCheck[] = [
  [
    "a disk that fails is one clear error; what was there stays, and what comes after works",
    async (bench) => {
      await bench.save(point(1, 1), someData(100, 1));
      await assertFails(bench, 2_000_000);
      await bench.save(point(1, 2), someData(5000, 2));
      await assertFails(bench, 0);
      await bench.save(point(1, 3), someData(5000, 3));
      await bench.reopen();
    },
  ],
];

/** A snapshot of `sizeBytes` cannot be written, which `write` or `commit` says. */
async function assertFails(bench: SnapshotBench, sizeBytes: number): Promise<void> {
  const sink = await bench.store.create();
  await bench.failNext();
  const save = async () => {
    for (let at = 0; at < sizeBytes; at += 100_000) await sink.write(someData(100_000, at));
    await sink.commit(point(9, 9));
  };
  await assertRejects(save, StorageError, "", "the disk fails");
  await assertRejects(
    () => sink.commit(point(9, 9)),
    StorageError,
    "",
    "the disk has failed before",
  );
  await sink.abort();
  await bench.holds();
}

/** Needs `damage`. */
export const SNAPSHOT_DAMAGE_CHECKS: readonly SnapshotCheck[] = [
  [
    "what is damaged is not read to its end, or not opened, or not listed; all others are as they were",
    async (bench) => {
      const whole = await bench.save(point(1, 1), someData(100_000, 1));
      const { id } = await bench.save(point(1, 2), someData(100_000, 2));
      await bench.damage(id);
      const others = bench.listed.filter(({ meta }) => meta.id !== id);
      for (const when of ["at once", "after it was opened again"]) {
        if (bench.store.list().some((meta) => meta.id === id)) {
          const read = async () => {
            await using source = await bench.store.open(id);
            await collect(source);
          };
          await assertRejects(read, StorageError, "", `reading what is damaged, ${when}`);
        }
        assert(others.length === 0 || bench.store.list().some((meta) => meta.id === whole.id));
        for (const { meta, data } of others) {
          await using source = await bench.store.open(meta.id);
          assertEquals(await collect(source), data, when);
        }
        await bench.store.close();
        await bench.open();
      }
    },
  ],
];
