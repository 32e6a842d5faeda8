/**
 * How far the log is compacted.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type MemoryLog, MemorySnapshotStore, VirtualClock } from "@coracle/testing";
import { Random } from "../consensus/random.ts";
import { completeConfig } from "../model/config.ts";
import { toIndex } from "../model/numbers.ts";
import { silentLogger } from "../ports/logger.ts";
import { diskOf, snapshotOf } from "./_testing/disks.ts";
import { Snapshots } from "./snapshots.ts";

/** What there is, beside a log of 20 entries of term 1. */
interface Given {
  readonly snapshots: readonly number[];
  readonly retain?: number;
  readonly trailingLogs?: number;
  readonly appliedIndex?: number;
  readonly neededAfter?: number;
  /** Up to where the log was compacted before. */
  readonly compacted?: number;
  readonly entries?: number;
}

/** The first entry that is left. */
async function firstIndexAfter(given: Given): Promise<number> {
  const { retain = 10, trailingLogs = 0, appliedIndex = 20, neededAfter = Infinity } = given;
  const store = new MemorySnapshotStore({ retain });
  for (const index of given.snapshots) await snapshotOf(store, index, 1);
  const log: MemoryLog = await diskOf(Array(given.entries ?? 20).fill(1));
  await log.truncatePrefix(toIndex(given.compacted ?? 0));
  const snapshots = new Snapshots({
    host: {
      config: () => completeConfig({ trailingLogs }),
      appliedIndex: () => toIndex(appliedIndex),
      stateIndex: () => toIndex(appliedIndex),
      neededAfter: () => neededAfter,
      capture: () => Promise.reject(new Error("nothing is to be captured")),
    },
    store,
    log,
    clock: new VirtualClock(),
    random: new Random(1),
    logger: silentLogger,
    stored: () => {},
  });
  await snapshots.compact();
  return log.firstIndex;
}

Deno.test("without a snapshot nothing goes; with one, what it contains does", async () => {
  assertEquals(await firstIndexAfter({ snapshots: [] }), 1);
  assertEquals(await firstIndexAfter({ snapshots: [12] }), 13);
});

Deno.test("trailing entries stay, counted from the newest snapshot", async () => {
  assertEquals(await firstIndexAfter({ snapshots: [12], trailingLogs: 5 }), 8);
  assertEquals(await firstIndexAfter({ snapshots: [12], trailingLogs: 12 }), 1);
  assertEquals(await firstIndexAfter({ snapshots: [6, 18], trailingLogs: 5 }), 7);
});

Deno.test("B47: what follows any snapshot that is retained stays", async () => {
  assertEquals(await firstIndexAfter({ snapshots: [4, 9, 18] }), 5);
  assertEquals(await firstIndexAfter({ snapshots: [4, 9, 18], retain: 2 }), 10);
  assertEquals(await firstIndexAfter({ snapshots: [4, 9, 18], retain: 1 }), 19);
});

Deno.test("B47: a snapshot that the log does not reach any more keeps nothing", async () => {
  assertEquals(await firstIndexAfter({ snapshots: [4, 9, 18], compacted: 6 }), 10);
  assertEquals(await firstIndexAfter({ snapshots: [4, 9, 18], compacted: 4 }), 5);
  assertEquals(await firstIndexAfter({ snapshots: [4, 9, 18], compacted: 9 }), 10);
  assertEquals(await firstIndexAfter({ snapshots: [4, 18], compacted: 9 }), 19);
});

Deno.test("entries that are not applied stay, although a snapshot that was received contains them", async () => {
  assertEquals(await firstIndexAfter({ snapshots: [12], appliedIndex: 7 }), 8);
});

Deno.test("entries that a follower needs stay", async () => {
  assertEquals(await firstIndexAfter({ snapshots: [12], neededAfter: 3 }), 4);
});

Deno.test("a log that is not made to follow a received snapshot yet is compacted to its end at most", async () => {
  assertEquals(await firstIndexAfter({ snapshots: [12], entries: 5 }), 6);
});
