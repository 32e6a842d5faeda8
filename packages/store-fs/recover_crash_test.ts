/**
 * The recovery of a cluster on a node's directory that stops, or fails, at each of its file operations: what is left is what
 * was there before, or the whole recovery.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertLess } from "@std/assert";
import {
  type Configuration,
  hasExistingState,
  readConfiguration,
  recoverCluster,
  StorageError,
} from "@coracle/core";
import { manyEntries, run, vote, write } from "./_testing/logs.ts";
import { FORGET, InjectedFailure, MemoryDisk, scramble } from "./_testing/memory_disk.ts";
import { randomFrom } from "./_testing/random.ts";
import { point, save, someData } from "./_testing/snapshots.ts";
import { FsSnapshotStore } from "./snapshot_store.ts";
import { FsLogStore } from "./store.ts";

const ALONE: Configuration = {
  servers: [{ id: "n1", address: "10.0.0.1:7001", suffrage: "voter" }],
};

interface Stores {
  readonly log: FsLogStore;
  readonly snapshots: FsSnapshotStore;
}

/** Opens a node's stores for `body`, and closes them whatever happens. */
async function withStores<Result>(
  fs: MemoryDisk,
  body: (stores: Stores) => Promise<Result>,
): Promise<Result> {
  const directory = "/d";
  const log = await FsLogStore.open({ directory, nodeId: "n1", segmentSizeBytes: 1024, fs });
  try {
    const snapshots = await FsSnapshotStore.open({ directory, blockSizeBytes: 64, fs });
    try {
      return await body({ log, snapshots });
    } finally {
      await snapshots.close();
    }
  } finally {
    await log.close();
  }
}

/** A node's directory: a log of 40 entries in several segments, the last of term 3, and two snapshots. */
async function directory(received: boolean): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await withStores(disk, async ({ log, snapshots }) => {
    await log.persist([write({ hardState: vote(1, "n1") })]);
    await log.persist([write({ entries: manyEntries(2 - 1, 1, 20, 60, true) })]);
    await save(snapshots, point(1, 10), someData(100));
    await log.persist([
      write({ hardState: vote(3, "n2"), entries: manyEntries(21, 3, 20, 60) }),
    ]);
    await save(snapshots, point(1, 20), someData(300));
    // One that a leader of term 3 has sent, and the node stopped before its log was made to follow it.
    if (received) await save(snapshots, point(3, 60, "n2"), someData(200));
  });
  return disk;
}

/** What a node would start from. */
interface State {
  readonly lastIndex: number;
  readonly lastTerm: number | undefined;
  readonly term: number;
  readonly votedFor: string | undefined;
  readonly voters: readonly string[];
}

function stateOf(stores: Stores): State {
  const { log } = stores;
  assert(hasExistingState(stores));
  return {
    lastIndex: log.lastIndex,
    lastTerm: log.term(log.lastIndex),
    term: log.hardState.term,
    votedFor: log.hardState.votedFor,
    voters: readConfiguration(stores).configuration.servers.map(({ address }) => address),
  };
}

async function recover(disk: MemoryDisk): Promise<void> {
  await withStores(disk, async (stores) => {
    await recoverCluster({ id: "n1", ...stores, configuration: ALONE });
  });
}

for (const received of [false, true]) {
  const what = received ? "a snapshot that the log must be made to follow" : "a log";
  const before: State = {
    lastIndex: 40,
    lastTerm: 3,
    term: 3,
    votedFor: "n2",
    voters: received ? ["n2:1"] : ["n1:1"],
  };
  const after: State = {
    lastIndex: received ? 61 : 41,
    lastTerm: 1_000_003,
    term: 2_000_003,
    votedFor: undefined,
    voters: ["10.0.0.1:7001"],
  };

  /** Holds what a crash has left to what is legal, and recovers it: again, or at last. */
  const assertLegal = async (disk: MemoryDisk, isDone: boolean, name: string): Promise<boolean> => {
    const isAfter = await withStores(disk, (stores) => {
      const state = stateOf(stores);
      const isAfter = state.lastIndex === after.lastIndex;
      assertEquals(state, isAfter ? after : before, name);
      assert(isAfter || !isDone, `${name}: it was done, and is lost`);
      return Promise.resolve(isAfter);
    });
    await recover(disk);
    await withStores(disk.afterPowerCut(FORGET), (stores) => {
      assertEquals(stateOf(stores).voters, after.voters, name);
      return Promise.resolve();
    });
    return isAfter;
  };

  Deno.test(`a recovery of ${what} changes the members, the term and nothing else`, async () => {
    const disk = await directory(received);
    await withStores(disk, (stores) => {
      assertEquals(stateOf(stores), before);
      return Promise.resolve();
    });
    await recover(disk);
    await assertLegal(disk.afterPowerCut(FORGET), true, "after the recovery");
    await withStores(disk, ({ log, snapshots }) => {
      assertEquals(log.recovered, []);
      assertEquals(snapshots.list().length, 2);
      return Promise.resolve();
    });
  });

  Deno.test(`a recovery of ${what} that stops at any file operation leaves what was, or all of it`, async () => {
    const whole = await directory(received);
    const begins = whole.operations.length;
    await recover(whole);
    const operations = whole.operations.slice(begins);
    let doneAfterStop = 0;
    for (const number of operations.keys()) {
      const disk = (await directory(received)).afterProcessEnd();
      disk.stopAt = number;
      const isDone = await recover(disk).then(() => true, (error) => {
        assertInstanceOf(error, StorageError, operations[number]);
        return false;
      });
      const name = `operation ${number}, ${operations[number]}`;
      if (await assertLegal(disk.afterProcessEnd(), isDone, name)) doneAfterStop += 1;
      await assertLegal(disk.afterPowerCut(FORGET), isDone, name);
      for (let seed = 0; seed < 8; seed += 1) {
        const fate = scramble(randomFrom(1000 * number + seed));
        await assertLegal(disk.afterPowerCut(fate), isDone, `${name}, seed ${seed}`);
      }
    }
    assertLess(0, doneAfterStop);
    assertLess(doneAfterStop, operations.length);
  });

  Deno.test(`a recovery of ${what} of which any file operation fails says so, or has no need of it`, async () => {
    const whole = await directory(received);
    const begins = whole.operations.length;
    await recover(whole);
    const operations = whole.operations.slice(begins);
    for (const [number, operation] of operations.entries()) {
      const disk = (await directory(received)).afterProcessEnd();
      disk.failAt = number;
      const name = `operation ${number}, ${operation}`;
      const isDone = await recover(disk).then(() => true, (error) => {
        assertInstanceOf(error, StorageError, name);
        let cause: unknown = error;
        while (cause instanceof StorageError) cause = cause.cause;
        assertInstanceOf(cause, InjectedFailure, name);
        return false;
      });
      assertEquals(disk.openCount, 0, name);
      await assertLegal(disk.afterProcessEnd(), isDone, name);
      await assertLegal(disk.afterPowerCut(FORGET), isDone, name);
    }
  });
}

Deno.test("a directory with nothing in it is no existing state", async () => {
  await withStores(new MemoryDisk(), async (stores) => {
    assertEquals(hasExistingState(stores), false);
    await stores.log.persist([write({ hardState: vote(1), entries: run(1, 1, "word") })]);
    assertEquals(hasExistingState(stores), true);
  });
});
