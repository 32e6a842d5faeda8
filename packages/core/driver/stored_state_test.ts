/**
 * What the disk of a node that does not run says of it.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { MemoryLog, MemorySnapshotStore } from "@coracle/testing";
import { StorageError } from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import { diskOf, MEMBERS, NOTHING, snapshotOf, withMembers } from "./_testing/disks.ts";
import { hasExistingState, readConfiguration } from "./stored_state.ts";

Deno.test("a node that has a term, an entry or a snapshot has existing state", async () => {
  const snapshots = new MemorySnapshotStore();
  const log = new MemoryLog();
  assertEquals([hasExistingState({ log }), hasExistingState({ log, snapshots })], [false, false]);
  await log.persist([{ ...NOTHING, hardState: { term: toTerm(1), votedFor: undefined } }]);
  assertEquals(hasExistingState({ log }), true);
  assertEquals(hasExistingState({ log: await diskOf([1]) }), true);
  await snapshotOf(snapshots, 4, 1);
  assertEquals(hasExistingState({ log: new MemoryLog(), snapshots }), true);
});

Deno.test("the configuration is the last one of the log, committed or not", async () => {
  const log = await diskOf([1, 1, 2, 2], withMembers(3, "n1", "n2"));
  const { index, configuration } = readConfiguration({ log });
  assertEquals([index as number, configuration.servers.map(({ id }) => id)], [3, ["n1", "n2"]]);
  assertEquals(readConfiguration({ log: new MemoryLog() }).index, toIndex(0));
});

Deno.test("the configuration is the snapshot's, if the log has none that is later", async () => {
  const snapshots = new MemorySnapshotStore();
  await snapshotOf(snapshots, 4, 2, { index: toIndex(3), configuration: MEMBERS });
  const log = await diskOf([1, 1, 1, 2, 2]);
  assertEquals(readConfiguration({ log, snapshots }).index, toIndex(3));
  await log.truncatePrefix(toIndex(4));
  assertEquals(readConfiguration({ log, snapshots }).index, toIndex(3));
  const later = await diskOf([1, 1, 1, 2, 2], withMembers(5, "n9"));
  assertEquals(readConfiguration({ log: later, snapshots }).index, toIndex(5));
});

Deno.test("the configuration is that of a snapshot which the log contradicts", async () => {
  const snapshots = new MemorySnapshotStore();
  await snapshotOf(snapshots, 4, 3, { index: toIndex(2), configuration: MEMBERS });
  const log = await diskOf([1, 1, 1, 2, 2], withMembers(5, "n9"));
  assertEquals(readConfiguration({ log, snapshots }).index, toIndex(2));
});

Deno.test("a configuration that cannot be read is an error that names the entry", async () => {
  const log = await diskOf([1, 1]);
  log.read = () => undefined;
  assertThrows(
    () => readConfiguration({ log }),
    StorageError,
    "configuration entry 1 cannot be read",
  );
});
