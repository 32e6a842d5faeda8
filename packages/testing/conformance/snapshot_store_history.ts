/**
 * Random histories of a snapshot store, held to an array.
 *
 * @module
 */
import type { SnapshotSink, SnapshotSource } from "@coracle/core";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { joined } from "../joined.ts";
import { Prng } from "../prng.ts";
import {
  type Listed,
  point,
  SnapshotBench,
  type SnapshotStoreConformanceOptions,
  someData,
} from "./snapshot_bench.ts";

type Step =
  | { readonly kind: "create" | "abort" | "close"; readonly which: number }
  | { readonly kind: "write"; readonly which: number; readonly sizeBytes: number }
  | {
    readonly kind: "commit";
    readonly which: number;
    readonly term: number;
    readonly index: number;
  }
  | { readonly kind: "open"; readonly which: number }
  | { readonly kind: "read"; readonly which: number; readonly chunks: number }
  | { readonly kind: "reopen" | "crash" };

const which = fc.nat(5);

function stepOf(canCrash: boolean): fc.Arbitrary<Step> {
  const kinds = canCrash ? ["reopen", "crash"] as const : ["reopen"] as const;
  return fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("create" as const), which }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("write" as const),
        which,
        sizeBytes: fc.constantFrom(0, 1, 63, 64, 65, 1000, 5000),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("commit" as const),
        which,
        term: fc.integer({ min: 1, max: 12 }),
        index: fc.integer({ min: 1, max: 120 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("abort" as const), which }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("open" as const), which }) },
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant("read" as const), which, chunks: fc.nat(4) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("close" as const), which }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom(...kinds) }) },
  );
}

/** A snapshot that is being read. */
interface Reading {
  readonly source: SnapshotSource;
  readonly iterator: AsyncIterator<Uint8Array>;
  readonly expected: Listed;
  readonly chunks: Uint8Array[];
}

/** A store, what it must list, and who is writing and reading. */
class History {
  readonly #bench: SnapshotBench;
  #writing: { readonly sink: SnapshotSink; readonly chunks: Uint8Array[] }[] = [];
  #reading: Reading[] = [];
  readonly #points = new Set<number>();
  #seed = 0;

  constructor(bench: SnapshotBench) {
    this.#bench = bench;
  }

  async take(step: Step): Promise<void> {
    const bench = this.#bench;
    switch (step.kind) {
      case "create":
        this.#writing.push({ sink: await bench.store.create(), chunks: [] });
        break;
      case "write": {
        const writing = pick(this.#writing, step.which);
        const chunk = someData(step.sizeBytes, this.#seed += 1);
        await writing?.sink.write(chunk);
        writing?.chunks.push(chunk);
        break;
      }
      case "commit":
        await this.#commit(step.which, step.term, step.index);
        break;
      case "abort":
        await remove(this.#writing, step.which)?.sink.abort();
        break;
      case "open":
        await this.#open(step.which);
        break;
      case "read":
        await this.#read(pick(this.#reading, step.which), step.chunks);
        break;
      case "close":
        await remove(this.#reading, step.which)?.source.close();
        break;
      case "reopen":
      case "crash":
        this.#writing = [];
        this.#reading = [];
        if (step.kind === "reopen") return await bench.reopen();
        await bench.crash();
        return await bench.holdsAnew();
    }
    await bench.holds();
  }

  async #commit(which: number, term: number, index: number): Promise<void> {
    const writing = remove(this.#writing, which);
    if (writing === undefined) return;
    // Of two of the same point the order is that of their beginning, or that of their end.
    let unused = index;
    while (this.#points.has(1000 * term + unused)) unused += 1;
    this.#points.add(1000 * term + unused);
    await this.#bench.commit(writing.sink, point(term, unused), joined(writing.chunks));
  }

  async #open(which: number): Promise<void> {
    const expected = pick(this.#bench.listed, which);
    if (expected === undefined) return;
    const source = await this.#bench.store.open(expected.meta.id);
    const iterator = source.read()[Symbol.asyncIterator]();
    this.#reading.push({ source, iterator, expected, chunks: [] });
  }

  async #read(reading: Reading | undefined, chunks: number): Promise<void> {
    for (let chunk = 0; reading !== undefined && chunk < chunks; chunk += 1) {
      const next = await reading.iterator.next();
      if (next.done !== true) reading.chunks.push(next.value.slice());
      const read = joined(reading.chunks);
      const { data } = reading.expected;
      assertEquals(read, data.slice(0, read.length), "what is read while others come and go");
      if (next.done === true) return assertEquals(read.length, data.length, "what was read");
    }
  }
}

function pick<T>(list: readonly T[], which: number): T | undefined {
  return list[which % Math.max(1, list.length)];
}

function remove<T>(list: T[], which: number): T | undefined {
  return list.splice(which % Math.max(1, list.length), 1)[0];
}

/** Runs random histories. Rejects with the shortest one that was found to fail, and the seed. */
export async function anySnapshotHistory<Place>(
  options: SnapshotStoreConformanceOptions<Place>,
): Promise<void> {
  const { runs = 100, seed } = options;
  const property = fc.asyncProperty(
    fc.array(stepOf(options.crash !== undefined), { minLength: 1, maxLength: 40, size: "max" }),
    fc.noShrink(fc.maxSafeNat()),
    (steps, placeSeed) =>
      SnapshotBench.use(options, async (bench) => {
        const history = new History(bench);
        for (const step of steps) await history.take(step);
      }, new Prng(placeSeed)),
  );
  await fc.assert(property, { numRuns: runs, ...seed !== undefined && { seed } });
}
