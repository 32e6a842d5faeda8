/**
 * The store against an array, for any sequence of operations (B39).
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type LogWrite, toIndex } from "@coracle/core";
import { FsLogStore } from "./store.ts";
import { assertHolds, LogModel, manyEntries, vote, write } from "./_testing/logs.ts";
import { FORGET, MemoryDisk, scramble } from "./_testing/memory_disk.ts";

type Step =
  | { kind: "persist"; writes: WriteStep[]; compactBack: number | undefined }
  | { kind: "truncatePrefix"; back: number }
  | { kind: "reopen" | "stop" | "powerCut" };

interface WriteStep {
  term: number;
  votes: boolean;
  /** How far after the log's end it begins anew, if it does. */
  resetAhead: number | undefined;
  drop: number;
  count: number;
  sizeBytes: number;
  configuration: boolean;
}

const writeStep: fc.Arbitrary<WriteStep> = fc.record({
  term: fc.constantFrom(0, 0, 0, 1, 2),
  votes: fc.boolean(),
  resetAhead: fc.option(fc.integer({ min: -12, max: 5 }), { freq: 12, nil: undefined }),
  drop: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(12)),
  count: fc.nat(9),
  sizeBytes: fc.constantFrom(4, 4, 60, 300),
  configuration: fc.boolean(),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("persist" as const),
      writes: fc.array(writeStep, { minLength: 1, maxLength: 3 }),
      // The log's beginning may be dropped while a batch is written.
      compactBack: fc.option(fc.nat(30), { freq: 5, nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("truncatePrefix" as const), back: fc.nat(30) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("reopen" as const, "stop" as const, "powerCut" as const),
    }),
  },
);

/** A store and its model. */
class Trial {
  disk = new MemoryDisk();
  readonly model = new LogModel();
  term = 1;
  store!: FsLogStore;

  constructor(
    readonly segmentSizeBytes: number,
    readonly cacheSizeBytes: number,
    readonly random: () => number,
  ) {}

  async open(): Promise<void> {
    const { segmentSizeBytes, cacheSizeBytes, disk } = this;
    this.store = await FsLogStore.open({
      directory: "/d",
      segmentSizeBytes,
      cacheSizeBytes,
      fs: disk,
    });
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "persist":
        return await this.persist(step.writes, step.compactBack);
      case "truncatePrefix": {
        const index = Math.max(this.model.baseIndex, this.model.lastIndex - step.back);
        this.model.truncatePrefix(index);
        return await this.store.truncatePrefix(toIndex(index));
      }
      case "reopen":
        await this.store.close();
        assertEquals(this.disk.openCount, 0);
        break;
      case "stop":
        this.disk = this.disk.afterProcessEnd();
        break;
      case "powerCut":
        this.disk = this.disk.afterPowerCut(this.random() < 0.5 ? FORGET : scramble(this.random));
        break;
    }
    await this.open();
  }

  async persist(steps: WriteStep[], compactBack: number | undefined): Promise<void> {
    const { model } = this;
    // A node drops only what is committed, and never drops at the other end or replaces what is.
    let compactTo = Math.max(model.baseIndex, model.lastIndex - (compactBack ?? 0));
    const writes = steps.map((step) => {
      const change = this.write(step);
      const { reset, truncateFrom } = change;
      compactTo = Math.min(compactTo, reset?.index ?? Infinity, (truncateFrom ?? Infinity) - 1);
      model.apply(change);
      return change;
    });
    const persisted = this.store.persist(writes);
    if (compactBack !== undefined) {
      model.truncatePrefix(compactTo);
      await this.store.truncatePrefix(toIndex(compactTo));
    }
    await persisted;
  }

  write({ term, votes, resetAhead, drop, count, sizeBytes, configuration }: WriteStep): LogWrite {
    this.term += term;
    const { hardState, baseIndex, lastIndex } = this.model;
    const changes = term > 0 || hardState.votedFor === undefined;
    const resetTo = resetAhead === undefined
      ? undefined
      : Math.max(baseIndex, lastIndex + resetAhead);
    const last = resetTo ?? lastIndex;
    const from = drop === 0 ? last + 1 : Math.max((resetTo ?? baseIndex) + 1, last + 1 - drop);
    return write({
      ...(changes && { hardState: vote(this.term, votes ? "n1" : undefined) }),
      ...(resetTo !== undefined && { reset: [resetTo, this.term] }),
      ...(drop > 0 && { truncateFrom: from }),
      ...(count > 0 && {
        entries: manyEntries(from, this.term, count, sizeBytes, configuration),
      }),
    });
  }

  check(maxBytes?: number): void {
    assertHolds(this.store, this.model, maxBytes);
  }
}

Deno.test("B39: any sequence of writes, truncations, resets, crashes and reopenings leaves what an array would hold", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1024, max: 6000 }),
      fc.constantFrom(0, 3000, 1 << 20),
      fc.integer({ min: 1, max: 1000 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      async (steps, segmentSizeBytes, cacheSizeBytes, maxBytes, randoms) => {
        const trial = new Trial(segmentSizeBytes, cacheSizeBytes, () => randoms.next().value!);
        await trial.open();
        for (const step of steps) {
          await trial.take(step);
          trial.check();
        }
        trial.check(maxBytes);
        await trial.store.close();
        assertEquals(trial.disk.openCount, 0);
      },
    ),
    { numRuns: 300 },
  );
});
