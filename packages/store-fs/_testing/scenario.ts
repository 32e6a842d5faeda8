/**
 * One short life of a store that does everything a store can do: it is made, fills segments, moves
 * on to others, drops entries at both ends, is closed and opened again. For tests that let it fail
 * or stop at each of its file operations.
 *
 * @module
 */
import { fail } from "@std/assert";
import { toIndex } from "@coracle/core";
import { FsLogStore } from "../store.ts";
import { assertHolds, LogModel, manyEntries, run, vote, write } from "./logs.ts";
import type { MemoryDisk } from "./memory_disk.ts";

/** One thing that is done to a store, and to its model. */
interface Act {
  store(store: FsLogStore): Promise<void>;
  model(model: LogModel): void;
}

function persist(...writes: Parameters<typeof write>[0][]): Act {
  const given = writes.map(write);
  return {
    store: (store) => store.persist(given),
    model: (model) => given.forEach((one) => model.apply(one)),
  };
}

const SESSIONS: readonly (readonly Act[])[] = [
  [
    persist({ hardState: vote(1, "n1") }),
    persist({ entries: run(1, 1, "first", '{"servers":[]}') }),
    persist({ entries: manyEntries(3, 1, 10, 30) }), // 3..12
    persist({ hardState: vote(2), entries: manyEntries(13, 2, 12, 30) }), // 13..24, fills the segment
    persist({ entries: manyEntries(25, 2, 3) }), // 25..27, in the next one
    persist({ truncateFrom: 20, entries: manyEntries(20, 2, 2) }), // back into the segment before
    persist({ hardState: vote(3, "n2"), truncateFrom: 5 }),
    persist({ entries: manyEntries(5, 3, 20, 30) }, { entries: manyEntries(25, 3, 6, 30) }), // 5..30
  ],
  [
    persist({ hardState: vote(4, "n3") }, { entries: manyEntries(31, 4, 12, 40) }), // 31..42
    persist({ entries: manyEntries(43, 4, 12, 40) }), // 43..54
    {
      store: (store) => store.truncatePrefix(toIndex(44)),
      model: (model) => model.truncatePrefix(44),
    },
    persist({ entries: manyEntries(55, 4, 2) }), // 55..56
  ],
  [
    // A snapshot was received: the old segments are removed while the next batch is written.
    persist(
      { entries: manyEntries(57, 4, 2) },
      { hardState: vote(5), reset: [70, 5] },
    ),
    persist({ hardState: vote(6), entries: manyEntries(71, 6, 14, 40) }), // 71..84
    persist({ entries: manyEntries(85, 6, 14, 40) }), // 85..98
    {
      store: (store) => store.truncatePrefix(toIndex(98)),
      model: (model) => model.truncatePrefix(98),
    },
  ],
];

/** How much room a scenario's store makes ahead: none, or all that a segment may have. */
export const ROOMS: readonly number[] = [0, 1024];

/** Opens the scenario's store, with the smallest segments. */
export function openScenarioStore(disk: MemoryDisk, reserveSizeBytes = 0): Promise<FsLogStore> {
  return FsLogStore.open({
    directory: "/a/d",
    nodeId: "n1",
    segmentSizeBytes: 1024,
    reserveSizeBytes,
    cacheSizeBytes: 0,
    fs: disk,
  });
}

/** How far a life came: what a store may hold afterwards. */
export interface Outcome {
  /** What was acknowledged, at least. */
  readonly acknowledged: LogModel;
  /** That and, whole, the one act that failed, if it was one that changes something. */
  readonly attempted: LogModel;
  /** Whether all acts were done. */
  readonly complete: boolean;
  /** What failed. */
  readonly error: unknown;
}

/**
 * Lets a store live on `disk` until something fails. `onFailure` sees the store that failed before
 * it is closed.
 */
export async function live(
  disk: MemoryDisk,
  reserveSizeBytes = 0,
  onFailure: (store: FsLogStore) => Promise<void> = () => Promise.resolve(),
): Promise<Outcome> {
  const acknowledged = new LogModel();
  for (const acts of SESSIONS) {
    let store: FsLogStore;
    try {
      store = await openScenarioStore(disk, reserveSizeBytes);
    } catch (error) {
      return { acknowledged, attempted: acknowledged, complete: false, error };
    }
    for (const act of acts) {
      const attempted = acknowledged.clone();
      act.model(attempted);
      try {
        await act.store(store);
      } catch (error) {
        await onFailure(store);
        await store.close();
        return { acknowledged, attempted, complete: false, error };
      }
      act.model(acknowledged);
    }
    await store.close();
  }
  return { acknowledged, attempted: acknowledged, complete: true, error: undefined };
}

/** Holds a store that was opened after a failure to what it must and may hold. */
export function assertLegal(store: FsLogStore, { acknowledged, attempted }: Outcome): void {
  const problems: unknown[] = [];
  for (const model of [acknowledged, attempted]) {
    try {
      return assertHolds(store, model);
    } catch (error) {
      problems.push(error);
    }
  }
  fail(`neither what was acknowledged nor what was attempted:\n${problems.join("\n")}`);
}
