/**
 * A store of snapshots against an array, for any sequence of operations (B39, B45, B46).
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type SnapshotSink, type SnapshotSource, StorageError } from "@coracle/core";
import { joined } from "@coracle/testing";
import type { FsSnapshotStore } from "./snapshot_store.ts";
import { FORGET, MemoryDisk, scramble } from "./_testing/memory_disk.ts";
import {
  assertLists,
  type ModelSnapshot,
  openSnapshots,
  point,
  SnapshotModel,
  someData,
} from "./_testing/snapshots.ts";

type Step =
  | { kind: "create" }
  | { kind: "write"; which: number; sizeBytes: number }
  | { kind: "commit"; which: number; term: number; index: number }
  | { kind: "abort"; which: number }
  | { kind: "open"; which: number }
  | { kind: "read"; which: number; blocks: number }
  | { kind: "closeSource"; which: number }
  | { kind: "reopen" | "stop" | "powerCut" };

const which = fc.nat(9);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("create" as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      which,
      sizeBytes: fc.oneof(fc.nat(10), fc.nat(400), fc.constantFrom(64, 128)),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      which,
      term: fc.integer({ min: 1, max: 12 }),
      index: fc.integer({ min: 1, max: 120 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("abort" as const), which }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("open" as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("read" as const), which, blocks: fc.nat(5) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("closeSource" as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("reopen" as const, "stop" as const, "powerCut" as const),
    }),
  },
);

interface Writing {
  readonly sink: SnapshotSink;
  readonly chunks: Uint8Array[];
}

interface Reading {
  readonly source: SnapshotSource;
  readonly iterator: AsyncIterator<Uint8Array>;
  readonly chunks: Uint8Array[];
  readonly expected: ModelSnapshot;
}

/** One of the positions in a list, whatever `which` is; its end if it is empty. */
function positionOf(list: readonly unknown[], which: number): number {
  return list.length === 0 ? 0 : which % list.length;
}

/** A store, its model, and what is written to it and read from it. */
class Trial {
  disk = new MemoryDisk();
  store!: FsSnapshotStore;
  readonly model: SnapshotModel;
  #writing: Writing[] = [];
  #reading: Reading[] = [];
  #seed = 0;

  constructor(readonly retain: number, readonly random: () => number) {
    this.model = new SnapshotModel(retain);
  }

  async open(): Promise<void> {
    this.store = await openSnapshots(this.disk, { retain: this.retain });
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "create":
        this.#writing.push({ sink: await this.store.create(), chunks: [] });
        return;
      case "write": {
        const writing = this.#writing[positionOf(this.#writing, step.which)];
        const chunk = someData(step.sizeBytes, this.#seed += 1);
        await writing?.sink.write(chunk);
        writing?.chunks.push(chunk);
        return;
      }
      case "commit":
        return await this.#commit(step.which, step.term, step.index);
      case "abort": {
        const [writing] = this.#writing.splice(positionOf(this.#writing, step.which), 1);
        return await writing?.sink.abort();
      }
      case "open":
        return await this.#open(step.which);
      case "read":
        return await this.#read(step.which, step.blocks);
      case "closeSource": {
        const [reading] = this.#reading.splice(positionOf(this.#reading, step.which), 1);
        return await reading?.source.close();
      }
      case "reopen":
        await this.store.close();
        assertEquals(this.disk.openCount, 0);
        for (const { sink } of this.#writing) {
          await assertRejects(() => sink.write(someData(1)), StorageError);
        }
        break;
      case "stop":
        this.disk = this.disk.afterProcessEnd();
        break;
      case "powerCut":
        this.disk = this.disk.afterPowerCut(this.random() < 0.5 ? FORGET : scramble(this.random));
        break;
    }
    this.#writing = [];
    this.#reading = [];
    this.model.reopen();
    await this.open();
  }

  async #commit(which: number, term: number, index: number): Promise<void> {
    const [writing] = this.#writing.splice(positionOf(this.#writing, which), 1);
    if (writing === undefined) return;
    const at = point(term, index);
    const meta = await writing.sink.commit(at);
    const data = joined(writing.chunks);
    const { id, createdAtMs } = meta;
    assertEquals(meta, { id, createdAtMs, sizeBytes: data.length, ...at });
    this.model.commit({ meta, data, sequence: Number(id.split("-")[2]) });
  }

  async #open(which: number): Promise<void> {
    const { listed } = this.model;
    const expected = listed[positionOf(listed, which)];
    if (expected === undefined) return;
    const source = await this.store.open(expected.meta.id);
    const iterator = source.read()[Symbol.asyncIterator]();
    this.#reading.push({ source, iterator, chunks: [], expected });
  }

  async #read(which: number, blocks: number): Promise<void> {
    const reading = this.#reading[positionOf(this.#reading, which)];
    for (let block = 0; reading !== undefined && block < blocks; block += 1) {
      const { done, value } = await reading.iterator.next();
      if (!done) reading.chunks.push(value);
      const read = joined(reading.chunks);
      const { data } = reading.expected;
      assertEquals(read, data.slice(0, read.length));
      if (done) return assertEquals(read.length, data.length);
    }
  }

  /**
   * Holds the store to its model, and the disk to nothing more than what is listed, read and
   * written.
   */
  async check(): Promise<void> {
    await assertLists(this.store, this.model);
    const ids = new Set(this.store.list().map(({ id }) => id));
    for (const { source } of this.#reading) ids.add(source.meta.id);
    const files = this.disk.paths().filter((path) => path.startsWith("/d/snapshots/"));
    assertEquals(files.filter((path) => path.endsWith(".tmp")).length, this.#writing.length);
    assertEquals(
      files.filter((path) => path.endsWith(".snap")),
      [...ids].map((id) => `/d/snapshots/${id}.snap`).sort(),
    );
  }

  async close(): Promise<void> {
    await this.store.close();
    assertEquals(this.disk.openCount, 0);
  }
}

Deno.test("B39, B45, B46: any sequence of writes, commits, reads, crashes and reopenings leaves what an array would hold", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 3 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      async (steps, retain, randoms) => {
        const trial = new Trial(retain, () => randoms.next().value!);
        await trial.open();
        for (const step of steps) {
          await trial.take(step);
          await trial.check();
        }
        await trial.close();
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("whatever is written, in whatever pieces, with blocks of any size, is read", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(700), { maxLength: 12 }),
      fc.integer({ min: 64, max: 1000 }),
      async (sizes, blockSizeBytes) => {
        const disk = new MemoryDisk();
        await using store = await openSnapshots(disk, { blockSizeBytes });
        const chunks = sizes.map((size, at) => someData(size, at + 1));
        const sink = await store.create();
        for (const chunk of chunks) await sink.write(chunk);
        const { id, sizeBytes } = await sink.commit(point(1, 1));
        assertEquals(sizeBytes, joined(chunks).length);
        await using source = await store.open(id);
        const read: Uint8Array[] = [];
        for await (const block of source.read()) {
          assert(block.length <= blockSizeBytes && block.length > 0);
          read.push(block);
        }
        assertEquals(joined(read), joined(chunks));
      },
    ),
  );
});
