/**
 * A state machine with a disk of its own: it writes its state now and then, together with the index, and a crash takes
 * what it has not written.
 *
 * @module
 */
import {
  answered,
  type Entry,
  type Fsm,
  type Index,
  type IndexedConfiguration,
  NO_INDEX,
} from "@coracle/core";
import type { Prng } from "../prng.ts";

/** How often the state is written after a command. */
const WRITTEN = 0.3;

/** The disk of a state machine. It outlives the process. */
export interface OwnDisk {
  /** What was written last; `undefined` for nothing. */
  written: { readonly index: Index; readonly data: Promise<readonly Uint8Array[]> } | undefined;
}

/** `inner`, which begins empty and has `snapshot` and `restore`, with `disk` under it. */
export function keepingFsm<Response>(
  inner: Fsm<Response>,
  disk: OwnDisk,
  random: Prng,
): Fsm<Response> {
  const write = (index: Index): void => {
    disk.written = { index, data: collected(inner.snapshot!()) };
  };
  const applied = <Value>({ index }: Entry, value: Value): Value => {
    if (random.chance(WRITTEN)) write(index);
    return value;
  };
  return {
    apply(entry) {
      return answered(inner.apply(entry), (response) => applied(entry, response));
    },
    ...inner.applyBatch !== undefined && {
      applyBatch(entries: readonly Entry[]) {
        const last = entries.at(-1)!;
        return answered(inner.applyBatch!(entries), (responses) => applied(last, responses));
      },
    },
    ...inner.storeConfiguration !== undefined && {
      storeConfiguration: (configuration: IndexedConfiguration) =>
        inner.storeConfiguration!(configuration),
    },
    snapshot: () => inner.snapshot!(),
    async restore(data: AsyncIterable<Uint8Array>, lastIncludedIndex: Index) {
      await inner.restore!(data, lastIncludedIndex);
      write(lastIncludedIndex);
      await disk.written!.data;
    },
    async keptIndex() {
      const { written } = disk;
      if (written === undefined) return NO_INDEX;
      await inner.restore!(streamOf(await written.data), written.index);
      return written.index;
    },
  };
}

async function collected(
  data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<readonly Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of data) pieces.push(piece.slice());
  return pieces;
}

async function* streamOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
