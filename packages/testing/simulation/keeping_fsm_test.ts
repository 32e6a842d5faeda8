import { assertEquals } from "@std/assert";
import { type Entry, type Fsm, NO_BYTES, toIndex, toTerm } from "@coracle/core";
import { Prng } from "../prng.ts";
import { keepingFsm, type OwnDisk } from "./keeping_fsm.ts";

function entry(index: number): Entry {
  const bytes = { data: NO_BYTES, extensions: NO_BYTES };
  return { index: toIndex(index), term: toTerm(1), type: "command", ...bytes, appendedAtMs: 0 };
}

/** Its state is what it has applied. */
class Indexes implements Fsm<number> {
  indexes: number[] = [];

  apply({ index }: Entry): number {
    return this.indexes.push(index);
  }

  snapshot(): Iterable<Uint8Array> {
    return [Uint8Array.from(this.indexes)];
  }

  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of data) this.indexes = [...piece];
  }
}

async function* piecesOf(...pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

Deno.test("what was written is there after a crash, with its index, and the rest is not", async () => {
  const disk: OwnDisk = { written: undefined };
  const random = new Prng(3);
  const first = new Indexes();
  const fsm = keepingFsm(first, disk, random);
  assertEquals(await fsm.keptIndex!(), 0);
  const losses = new Set<number>();
  for (let index = 1; index <= 60; index += 1) {
    fsm.apply(entry(index));
    const next = new Indexes();
    const kept = Number(await keepingFsm(next, disk, random).keptIndex!());
    assertEquals(next.indexes, first.indexes.slice(0, kept));
    losses.add(index - kept);
  }
  assertEquals([losses.has(0), losses.has(1), losses.has(2)], [true, true, true]);
});

Deno.test("a snapshot that is restored is written before that is done", async () => {
  const disk: OwnDisk = { written: undefined };
  const random = new Prng(3);
  await keepingFsm(new Indexes(), disk, random).restore!(
    piecesOf(Uint8Array.of(1, 3)),
    toIndex(5),
  );
  const next = new Indexes();
  assertEquals(await keepingFsm(next, disk, random).keptIndex!(), 5);
  assertEquals(next.indexes, [1, 3]);
});

Deno.test("it has the methods that the machine has, and says what that answers", () => {
  const disk: OwnDisk = { written: undefined };
  const plain = keepingFsm(new Indexes(), disk, new Prng(1));
  assertEquals(plain.apply(entry(1)), 1);
  assertEquals([plain.applyBatch, plain.storeConfiguration], [undefined, undefined]);
});
