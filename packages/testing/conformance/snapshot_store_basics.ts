/**
 * What a snapshot store does as long as nothing fails.
 *
 * @module
 */
import { StorageError } from "@coracle/core";
import { assertEquals, assertRejects } from "@std/assert";
import { joined } from "../joined.ts";
import { assertSameData, collect, point, type SnapshotBench, someData } from "./snapshot_bench.ts";

/** A check's name, and what it does with a new store. */
export type SnapshotCheck = readonly [
  name: string,
  work: (bench: SnapshotBench) => Promise<void>,
];

/** See the module. */
export const SNAPSHOT_CHECKS: readonly SnapshotCheck[] = [
  ["a new store lists nothing, and knows no id", async (bench) => {
    await bench.holds();
    for (const id of ["1-1-1", "", "../1-1-1", "no such snapshot"]) {
      await assertRejects(() => bench.store.open(id), StorageError, "", `there is no ${id}`);
    }
    await bench.reopen();
  }],

  [
    "what was committed is listed with all that is known of it, and read as it was written",
    async (bench) => {
      const chunks = [1000, 0, 1, 4096, 70_000, 3].map((size, at) => someData(size, at));
      await bench.save(point(3, 42), ...chunks);
      await bench.reopen();
      await bench.save(point(3, 2 ** 40), someData(10, 1));
      await bench.reopen();
    },
  ],

  ["a snapshot of nothing is a snapshot", async (bench) => {
    await bench.save(point(1, 1));
    await bench.save(point(1, 2), new Uint8Array(0));
    await bench.reopen();
  }],

  ["a snapshot of several MiB is read as it was written", async (bench) => {
    const chunks = Array.from({ length: 22 }, (_, at) => someData(100_000 + at, at));
    await bench.save(point(1, 1), ...chunks);
    await bench.reopen();
  }],

  [
    "nobody sees a snapshot before it is committed, and what never was is gone when the store is opened again",
    async (bench) => {
      await bench.save(point(1, 1), someData(10, 1));
      const sink = await bench.store.create();
      await bench.holds();
      await sink.write(someData(100_000, 2));
      await bench.holds();
      await bench.reopen();
    },
  ],

  ["the bytes of a chunk may be used again once write has resolved", async (bench) => {
    const sink = await bench.store.create();
    const chunk = new Uint8Array(500);
    const written: Uint8Array[] = [];
    for (let round = 0; round < 20; round += 1) {
      const data = someData(500, round);
      written.push(data);
      chunk.set(data);
      await sink.write(chunk);
      chunk.fill(0xff);
    }
    await bench.commit(sink, point(1, 1), joined(written));
  }],

  ["B45: the newest is the one with the highest term, then index, as numbers", async (bench) => {
    for (const [term, index] of [[1, 9], [1, 10], [1, 100], [1, 99], [2, 5], [10, 3], [9, 400]]) {
      await bench.save(point(term!, index!), someData(10, index!));
    }
    await bench.reopen();
  }],

  ["of two of the same point the later one comes first", async (bench) => {
    for (const seed of [1, 2, 3]) await bench.save(point(2, 7), someData(10, seed));
    await bench.reopen();
  }],

  ["those beyond the retained ones are gone", async (bench) => {
    const ids: string[] = [];
    for (let index = 1; index <= bench.retain + 3; index += 1) {
      ids.push((await bench.save(point(1, index), someData(100, index))).id);
      const gone = ids.slice(0, -bench.retain);
      for (const id of gone) {
        await assertRejects(() => bench.store.open(id), StorageError, "", `${id} is gone`);
      }
    }
    assertEquals(new Set(ids).size, ids.length, "ids are used once");
    await bench.reopen();
  }],

  ["what was just committed is listed, even if all that are retained are newer", async (bench) => {
    for (let index = 10; index < 10 + bench.retain; index += 1) {
      await bench.save(point(5, index), someData(10, index));
    }
    await bench.save(point(4, 40), someData(10, 4));
    assertEquals(bench.listed.length, bench.retain + 1);
    await bench.save(point(5, 99), someData(10, 5));
    await bench.reopen();
  }],

  ["B46: what is read is not removed, however many come after it", async (bench) => {
    const data = someData(300_000, 1);
    const { id } = await bench.save(point(1, 1), data);
    const slow = await bench.store.open(id);
    const other = await bench.store.open(id);
    const reading = slow.read()[Symbol.asyncIterator]();
    const chunks: Uint8Array[] = [];
    for (let index = 2; index <= bench.retain + 4; index += 1) {
      const next = await reading.next();
      if (next.done !== true) chunks.push(next.value.slice());
      await bench.save(point(1, index), someData(10, index));
    }
    await assertRejects(() => bench.store.open(id), StorageError, "", "it is no longer listed");
    assertSameData(await collect(other), data, id);
    await other.close();
    for (let next = await reading.next(); next.done !== true; next = await reading.next()) {
      chunks.push(next.value.slice());
    }
    assertSameData(joined(chunks), data, id);
    await slow.close();
    await bench.reopen();
  }],

  ["several are written at once, each by itself", async (bench) => {
    const { store } = bench;
    const sinks = await Promise.all([1, 2, 3].map(() => store.create()));
    const written: Uint8Array[][] = [[], [], []];
    for (let round = 0; round < 20; round += 1) {
      const chunks = sinks.map((_, at) => someData(1000 * at + 10, 100 * at + round));
      chunks.forEach((chunk, at) => written[at]!.push(chunk));
      await Promise.all(sinks.map((sink, at) => sink.write(chunks[at]!)));
    }
    await sinks[1]!.abort();
    await bench.commit(sinks[2]!, point(1, 30), joined(written[2]!));
    await bench.commit(sinks[0]!, point(1, 10), joined(written[0]!));
    await bench.reopen();
  }],

  [
    "what is given up leaves nothing; to give up again, or after a commit, does nothing",
    async (bench) => {
      const sink = await bench.store.create();
      await sink.write(someData(5000, 1));
      await Promise.all([sink.abort(), sink.abort()]);
      await assertRejects(() => sink.write(someData(1, 1)), "a write after abort");
      await assertRejects(() => sink.commit(point(1, 1)), "a commit after abort");
      await bench.holds();
      const committed = await bench.store.create();
      await bench.commit(committed, point(1, 1), new Uint8Array(0));
      await assertRejects(() => committed.write(someData(1, 1)), "a write after commit");
      await assertRejects(() => committed.commit(point(1, 2)), "a second commit");
      await committed.abort();
      await bench.holds();
      await bench.reopen();
    },
  ],

  ["a reader may stop early, and close twice; others are not disturbed", async (bench) => {
    const data = someData(200_000, 1);
    const { id } = await bench.save(point(1, 1), data);
    const unread = await bench.store.open(id);
    const begun = await bench.store.open(id);
    for await (const _ of begun.read()) break;
    await unread.close();
    await begun.close();
    await begun.close();
    await bench.holds();
    await bench.reopen();
  }],

  [
    "close gives up what is written, ends what is read, and may be called again; nothing is done after it",
    async (bench) => {
      const { store } = bench;
      const { id } = await bench.save(point(1, 1), someData(500_000, 1), someData(500_000, 2));
      const sink = await store.create();
      await sink.write(someData(100_000, 2));
      const source = await store.open(id);
      const reading = source.read()[Symbol.asyncIterator]();
      const first = await reading.next();
      await Promise.all([store.close(), store.close()]);
      await store.close();
      const late = "the store is closed";
      await assertRejects(() => store.create(), StorageError, "", late);
      await assertRejects(() => store.open(id), StorageError, "", late);
      await assertRejects(() => sink.write(someData(1, 1)), StorageError, "", late);
      await assertRejects(() => sink.commit(point(1, 2)), StorageError, "", late);
      await sink.abort();
      const rest = async () => {
        while ((await reading.next()).done !== true);
      };
      // Who has all of it in memory may say so.
      if (first.value.length === 1_000_000) await rest();
      else await assertRejects(rest, StorageError, "", "it was not read to its end");
      await source.close();
      await bench.open();
      await bench.holds();
    },
  ],
];
