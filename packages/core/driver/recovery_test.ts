/**
 * What a node finds when it starts: snapshots that are whole, damaged or missing, and the log that follows them.
 *
 * @module
 */
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { MemoryLog, MemorySnapshotStore } from "@coracle/testing";
import { type Configuration, encodeConfiguration } from "../model/configuration.ts";
import { NO_BYTES, type Proposal } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import { FsmFailedError, SnapshotsUnsupportedError, StorageError } from "../model/errors.ts";
import { type Index, toIndex, toTerm } from "../model/numbers.ts";
import type { SnapshotMeta } from "../model/snapshot.ts";
import type { Fsm } from "../ports/fsm.ts";
import { silentLogger } from "../ports/logger.ts";
import type { LogWrite } from "../ports/log_store.ts";
import { commandOf, Recorder } from "./_testing/cluster.ts";
import { findState } from "./recovery.ts";

const MEMBERS: Configuration = {
  servers: [{ id: "n1", address: "n1", suffrage: "voter" }],
};

/** A log of term 1 with `count` entries; those at `configurations` carry members. */
async function logOf(count: number, configurations: readonly number[] = [1]): Promise<MemoryLog> {
  const log = new MemoryLog();
  const proposals = Array.from({ length: count }, (_, at): Proposal => {
    const isMembers = configurations.includes(at + 1);
    return {
      type: isMembers ? "configuration" : "command",
      data: isMembers ? encodeConfiguration(MEMBERS) : commandOf(`${at + 1}`),
      extensions: NO_BYTES,
    };
  });
  await log.persist([{
    hardState: { term: toTerm(1), votedFor: "n1" },
    reset: undefined,
    truncateFrom: undefined,
    entries: count === 0 ? undefined : EntryRun.encode(toIndex(1), toTerm(1), 0, proposals),
  }]);
  return log;
}

async function addSnapshot(
  store: MemorySnapshotStore,
  index: number,
  term = 1,
  text = `up to ${index}\n`,
): Promise<SnapshotMeta> {
  const sink = await store.create();
  await sink.write(commandOf(text));
  return await sink.commit({
    lastIncludedIndex: toIndex(index),
    lastIncludedTerm: toTerm(term),
    configuration: { index: toIndex(1), configuration: MEMBERS },
  });
}

function find(
  log: MemoryLog,
  snapshots: MemorySnapshotStore | undefined,
  fsm: Fsm = new Recorder(),
  keptIndex?: Index,
) {
  const kept = keptIndex === undefined ? undefined : { fsm, heldIndex: () => keptIndex };
  return findState({ fsm, kept, log, snapshots, logger: silentLogger });
}

Deno.test("without snapshots, the log is all there is", async () => {
  const log = await logOf(3, [1, 3]);
  for (const store of [undefined, new MemorySnapshotStore()]) {
    const { snapshot, configurations } = await find(log, store);
    assertEquals(snapshot, undefined);
    assertEquals(
      configurations,
      [1, 3].map((index) => ({
        index: toIndex(index),
        configuration: MEMBERS,
      })),
    );
  }
});

Deno.test("the state machine begins with the newest snapshot, the log stays as it is", async () => {
  const log = await logOf(9);
  const store = new MemorySnapshotStore();
  await addSnapshot(store, 4);
  const newest = await addSnapshot(store, 7);
  const fsm = new Recorder();
  const { snapshot } = await find(log, store, fsm);
  assertEquals([snapshot, fsm.commands], [newest, ["up to 7"]]);
  assertEquals([log.firstIndex, log.lastIndex, store.reading] as number[], [1, 9, 0]);
});

Deno.test("a log that was compacted up to the snapshot, or not quite, follows it", async () => {
  for (const upTo of [4, 7]) {
    const log = await logOf(9);
    await log.truncatePrefix(toIndex(upTo));
    const store = new MemorySnapshotStore();
    await addSnapshot(store, 7);
    await find(log, store);
    assertEquals([log.firstIndex, log.lastIndex] as number[], [upTo + 1, 9]);
  }
});

for (
  const [what, count, term] of [
    ["a log that ends before it", 5, 1],
    ["a log that contradicts it", 20, 3],
    ["an empty log", 0, 2],
  ] as const
) {
  Deno.test(`a snapshot that was received, and the power failed before ${what} was made to follow: it does now`, async () => {
    const log = await logOf(count);
    const store = new MemorySnapshotStore();
    const meta = await addSnapshot(store, 12, term);
    const { snapshot, configurations } = await find(log, store);
    assertEquals([snapshot, configurations], [meta, []]);
    assertEquals([log.firstIndex, log.lastIndex] as number[], [13, 12]);
    assertEquals(log.term(toIndex(12)), toTerm(term));
    // The vote of a later term than the snapshot's must not be forgotten; that of an earlier one is void.
    const votedFor = term > 1 ? undefined : "n1";
    assertEquals(log.hardState, { term: toTerm(term), votedFor });
    const again = log.crash();
    await find(again, store.reopen());
    assertEquals(again.lastIndex, toIndex(12), "and is found so the next time");
  });
}

Deno.test("B47: a damaged snapshot is passed over for an older one that the log still reaches", async () => {
  const log = await logOf(9);
  await log.truncatePrefix(toIndex(4));
  const store = new MemorySnapshotStore();
  const older = await addSnapshot(store, 4);
  store.damage((await addSnapshot(store, 7)).id);
  const fsm = new Recorder();
  const { snapshot } = await find(log, store, fsm);
  assertEquals([snapshot, fsm.commands, store.reading], [older, ["up to 4"], 0]);
  assertEquals([log.firstIndex, log.lastIndex] as number[], [5, 9]);
});

Deno.test("B47: a gap between the newest whole snapshot and the log is refused, in words", async () => {
  const log = await logOf(9);
  await log.truncatePrefix(toIndex(7));
  const store = new MemorySnapshotStore();
  await addSnapshot(store, 4);
  store.damage((await addSnapshot(store, 7)).id);
  const error = await assertRejects(() => find(log, store), StorageError);
  assertEquals(
    error.message,
    "the log begins at entry 8 and the newest snapshot that is whole ends at entry 4",
  );
  const none = await assertRejects(() => find(log, new MemorySnapshotStore()), StorageError);
  assertEquals(
    none.message,
    "the log begins at entry 8 and there is no snapshot of what was before",
  );
});

Deno.test("B47: with no snapshot that is whole a node does not start, even if the log is", async () => {
  const log = await logOf(9);
  const store = new MemorySnapshotStore();
  for (const index of [4, 7]) store.damage((await addSnapshot(store, index)).id);
  await assertRejects(
    () => find(log, store),
    StorageError,
    "none of 2 snapshots could be restored",
  );
});

Deno.test("a state machine that stumbles over damaged bytes before the damage is known gets an older snapshot", async () => {
  const log = await logOf(9);
  const store = new MemorySnapshotStore();
  await addSnapshot(store, 4);
  const damaged = await addSnapshot(store, 7);
  store.damage(damaged.id, 1); // its first piece can be read, and is garbage
  const texts: string[] = [];
  const fsm: Fsm = {
    apply: () => {},
    snapshot: () => [],
    restore: async (data) => {
      for await (const chunk of data) {
        texts.push(new TextDecoder().decode(chunk));
        if (texts.length === 1) throw new SyntaxError("unexpected token");
      }
    },
  };
  const { snapshot } = await find(log, store, fsm);
  assertEquals([snapshot!.lastIncludedIndex, texts], [toIndex(4), ["up to 7\n", "up to 4\n"]]);
  assertEquals(store.reading, 0);
});

Deno.test("a state machine that cannot take a whole snapshot keeps the node from starting", async () => {
  const store = new MemorySnapshotStore();
  await addSnapshot(store, 4);
  await addSnapshot(store, 7);
  let calls = 0;
  const thrown = new Error("of a later version");
  const fsm: Fsm = {
    apply: () => {},
    snapshot: () => [],
    restore: () => {
      calls += 1;
      return Promise.reject(thrown);
    },
  };
  const log = await logOf(9);
  const error = await assertRejects(() => find(log, store, fsm), FsmFailedError);
  assertStrictEquals(error.cause, thrown);
  assertEquals([calls, error.index], [1, toIndex(7)]);
  await assertRejects(
    () => find(log, store, { apply: () => {} }),
    SnapshotsUnsupportedError,
  );
});

Deno.test("a state machine that holds what the snapshot contains is left alone; one that holds less is restored", async () => {
  for (const [kept, commands] of [[7, []], [9, []], [6, ["up to 7"]], [0, ["up to 7"]]] as const) {
    const log = await logOf(9);
    const store = new MemorySnapshotStore();
    const meta = await addSnapshot(store, 7);
    const fsm = new Recorder();
    const { snapshot } = await find(log, store, fsm, toIndex(kept));
    assertEquals([snapshot, fsm.commands], [meta, commands]);
  }
});

Deno.test("a state machine that holds more than log and snapshots is not theirs", async () => {
  const store = new MemorySnapshotStore();
  await addSnapshot(store, 7);
  for (const [count, last] of [[9, 9], [5, 7]] as const) {
    const log = await logOf(count);
    await assertRejects(
      () => find(log, store, new Recorder(), toIndex(last + 1)),
      StorageError,
      `the state machine holds everything up to entry ${
        last + 1
      }, log and snapshots up to entry ${last}: ` +
        "they do not belong together",
    );
  }
});

Deno.test("what the stores throw is passed on", async () => {
  const log = await logOf(5);
  const store = new MemorySnapshotStore();
  await addSnapshot(store, 7);
  const broken = new StorageError("log: input/output error");
  log.persist = (_: readonly LogWrite[]) => Promise.reject(broken);
  assertStrictEquals(await assertRejects(() => find(log, store)), broken);
  log.read = () => undefined;
  const error = await assertRejects(() => find(log, undefined));
  assertInstanceOf(error, StorageError);
  assertEquals(error.message, "configuration entry 1 cannot be read");
});
